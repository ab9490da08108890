"""What the chart lets the operator and its uninstall hook do, read off what Helm renders."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import NamedTuple, Self

import yaml

from localcluster import Cluster
from tests.api.client import Client, Json
from tests.chart.chart import CHART
from tests.waiting import wait_until

NAME = "name-of-the-release"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Right(NamedTuple):
    """One verb on one resource, by one role; `namespace` is empty where the role is cluster-wide.

    `resource` has its subresource after a slash, and `names` are empty where any name will do.
    """

    namespace: str
    role: str
    group: str
    resource: str
    names: tuple[str, ...]
    verb: str

    def __str__(self) -> str:
        return (
            f"{self.verb} {self.resource} {self.namespace and f'in {self.namespace} '}({self.role})"
        )


@dataclass(frozen=True)
class Grant:
    """A role and its binding to an account."""

    role: Json
    binding: Json

    @property
    def rights(self) -> list[Right]:
        """All that the role allows, each by itself."""
        metadata = self.role["metadata"]
        return [
            Right(metadata.get("namespace", ""), metadata["name"], group, resource, names, verb)
            for rule in self.role["rules"]
            for names in [tuple(rule.get("resourceNames", ()))]
            for group, resource, verb in product(
                rule["apiGroups"], rule["resources"], rule["verbs"]
            )
        ]

    def without(self, taken: Right | None) -> Self:
        """Return the same without this right."""
        rules = [
            {
                "apiGroups": [right.group],
                "resources": [right.resource],
                "verbs": [right.verb],
                **({"resourceNames": list(right.names)} if right.names else {}),
            }
            for right in self.rights
            if right != taken
        ]
        return type(self)({**self.role, "rules": rules}, self.binding)


@dataclass(frozen=True)
class Program:
    """What the chart runs: the operator, or the hook. Its account lives in namespace `home`."""

    home: str
    account: str
    options: Sequence[str]
    grants: Sequence[Grant]

    @property
    def user(self) -> str:
        """Who it is to the API server."""
        return f"system:serviceaccount:{self.home}:{self.account}"

    @property
    def rights(self) -> list[Right]:
        """All that it may do."""
        return [right for grant in self.grants for right in grant.rights]

    def without(self, taken: Right) -> Self:
        """Return the same with one right less."""
        grants = [grant.without(taken) for grant in self.grants]
        return type(self)(self.home, self.account, self.options, grants)


class Chart:
    """The chart with these values, released into the namespace `home` as often as one likes.

    No object is shared between releases: each has accounts, roles and a Lease of its own name.
    """

    def __init__(self, cluster: Cluster, home: str, namespaces: Sequence[str] = ()) -> None:
        self._home = home
        values = ["crds.install=false", f"fullnameOverride={NAME}"]
        if namespaces:
            values.append(f"namespaces={{{','.join(namespaces)}}}")
        sets = [word for value in values for word in ("--set", value)]
        self._rendered = cluster.helm("template", "x", str(CHART), "--namespace", home, *sets)

    def operator(self, release: str) -> Program:
        """Return the operator of a release of this name."""
        return self._program(release, "Deployment")

    def hook(self, release: str) -> Program:
        """Return the uninstall hook of a release of this name."""
        return self._program(release, "Job")

    def _program(self, release: str, kind: str) -> Program:
        rendered = self._rendered.replace(NAME, release)
        objects = [found for found in yaml.load_all(rendered, yaml.CSafeLoader) if found]
        [workload] = (found for found in objects if found["kind"] == kind)
        pod = workload["spec"]["template"]["spec"]
        [container] = pod["containers"]
        options = [arg for arg in container["args"] if arg.startswith(("--lease=", "--namespace="))]
        account: str = pod["serviceAccountName"]
        grants = [
            Grant(_role_of(binding, objects), binding)
            for binding in objects
            if account in [subject["name"] for subject in binding.get("subjects", ())]
        ]
        return Program(self._home, account, options, grants)


def _role_of(binding: Json, objects: Sequence[Json]) -> Json:
    [role] = (
        found
        for found in objects
        if (found["kind"], found["metadata"]["name"])
        == (binding["roleRef"]["kind"], binding["roleRef"]["name"])
        and found["metadata"].get("namespace") == binding["metadata"].get("namespace")
    )
    return role


def _may_all(client: Client, program: Program) -> bool:
    return all(may(client, program.user, right) for right in program.rights)


@contextmanager
def granted(cluster: Cluster, programs: Iterable[Program]) -> Iterator[None]:
    """Have accounts with these programs' rights within the block, in force from its begin on."""
    made = list(programs)
    accounts = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": program.account, "namespace": program.home},
        }
        for program in made
    ]
    grants = [grant for program in made for grant in program.grants]
    objects = [*accounts, *(each for g in grants for each in (g.role, g.binding))]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    cluster.kubectl("create", "-f", "-", stdin=listed)
    try:
        with Client(cluster) as client:
            for program in made:
                wait_until(
                    partial(_may_all, client, program),
                    f"RBAC knows what {program.account} may do",
                )
        yield
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=listed)


def asked(event: Json) -> tuple[str, str, str]:
    """Return group, resource and verb of what an audit event tells of."""
    target = event.get("objectRef", {})
    resource = "/".join(filter(None, (target.get("resource"), target.get("subresource"))))
    return target.get("apiGroup", ""), resource, event["verb"]


def may(client: Client, user: str, right: Right) -> bool:
    """Whether RBAC lets this user do what the right says."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "namespace": right.namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": "".join(right.names[:1]),
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    code, answer = client.request("POST", REVIEWS, review)
    assert code == 201, answer
    return bool(answer["status"]["allowed"])
