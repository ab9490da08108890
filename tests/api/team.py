"""A namespace, and what a team does in it."""

import re
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from localcluster import Cluster
from tests.api.client import Client
from tests.api.client import Json as Json
from tests.waiting import BOUND

NAMESPACES = "/api/v1/namespaces"
APIS = {"leases": "/apis/coordination.k8s.io/v1", "mltasks": "/apis/mltask.dev/v1alpha1"}
"""Where the API server has the kinds that are not in its core."""
FAKE = "fake.mltask.dev"
"""Prefix of the annotations by which a simulated node knows how a Pod is to end."""


def manifest(
    name: str, *, fate: Json | None = None, template: Json | None = None, **spec: Any
) -> Json:
    """Return an MLTask; `fate` says how its simulated Pod ends, for example run_seconds."""
    annotations = {f"{FAKE}/{k.replace('_', '-')}": str(v) for k, v in (fate or {}).items()}
    pod = template or {}
    metadata = {**pod.get("metadata", {}), "annotations": annotations}
    return {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "metadata": {"name": name},
        "spec": {
            "image": "trainer:1",
            "resources": {"requests": {"cpu": "100m"}},
            "template": {**pod, "metadata": metadata},
            **spec,
        },
    }


def outcome(status: Json) -> tuple[str, str, int, int]:
    """Return phase, reason, and how many attempts and failures there were."""
    return status["phase"], status["reason"], status["attempts"], status.get("failures", 0)


@dataclass(frozen=True)
class Team:
    """One namespace."""

    cluster: Cluster
    namespace: str

    @classmethod
    def create(cls, cluster: Cluster) -> Self:
        """Create a namespace, ready for Pods."""
        team = cls(cluster, f"team-{uuid.uuid4().hex[:8]}")
        team.client.send("POST", NAMESPACES, {"metadata": {"name": team.namespace}})
        # The API server refuses Pods until the namespace has its service account.
        accounts, default = team.path("serviceaccounts"), {"fieldSelector": "metadata.name=default"}
        team.client.until(accounts, bool, "the default service account", BOUND, **default)
        return team

    def delete(self) -> None:
        """Request the deletion of the namespace, with everything in it."""
        code, answer = self.client.request("DELETE", f"{NAMESPACES}/{self.namespace}")
        # It is being deleted (409) or gone (404) where a test has deleted it.
        assert code in (200, 404, 409), answer

    @property
    def client(self) -> Client:
        """The administrator's connection, of the calling thread."""
        return Client.of(self.cluster)

    def path(self, kind: str, name: str = "") -> str:
        """Return the path of the namespace's objects of a kind, in the singular or plural."""
        plural = kind if kind.endswith("s") else f"{kind}s"
        path = f"{APIS.get(plural, '/api/v1')}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def kubectl(self, *args: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl("--namespace", self.namespace, *args, stdin=stdin)

    def apply(self, *manifests: Json) -> None:
        """Create or change these objects, as `kubectl apply --server-side` does."""
        for each in manifests:
            self.client.apply(self.path(each["kind"].lower(), each["metadata"]["name"]), each)

    def run(self, name: str, **how: Any) -> None:
        """Apply one MLTask; the arguments are those of `manifest`."""
        self.apply(manifest(name, **how))

    def wait(self, name: str, condition: str, seconds: float = BOUND) -> Json:
        """Wait until the MLTask meets a condition, written as for `kubectl wait --for=`."""
        return self._until(name, _condition(condition), condition, seconds)

    def wait_for_phase(self, name: str, phase: str, seconds: float = BOUND) -> Json:
        """Wait for a phase."""
        return self.wait(name, f"jsonpath={{.status.phase}}={phase}", seconds)

    def wait_for_reason(self, name: str, reason: str, seconds: float = BOUND) -> Json:
        """Wait for a reason."""
        return self.wait(name, f"jsonpath={{.status.reason}}={reason}", seconds)

    def finish(self, name: str, seconds: float = BOUND) -> Json:
        """Wait until the MLTask is finished and its Pod gone, and return its status."""
        self.wait(name, "condition=Finished", seconds)
        self.wait_for_no_pods(name)
        return self.status(name)

    def wait_for_no_pods(self, name: str) -> None:
        """Wait until no Pod of the MLTask exists."""
        of_task = f"mltask.dev/task={name}"
        self.client.until(
            self.path("pods"),
            lambda pods: not pods,
            f"no Pod of {name}",
            BOUND,
            labelSelector=of_task,
        )

    def wait_until_finished(self, count: int, seconds: float = BOUND) -> None:
        """Wait until that many of the MLTasks are finished."""
        self.client.until(
            self.path("mltasks"),
            lambda tasks: sum(map(_is_finished, tasks)) >= count,
            f"{count} tasks finished",
            seconds,
        )

    def wait_until_all_done(self, count: int, seconds: float = BOUND) -> None:
        """Wait until so many MLTasks are finished and no Pod is left."""
        self.wait_until_finished(count, seconds)
        self.client.until(self.path("pods"), lambda pods: not pods, "no Pod is left", seconds)

    def status(self, name: str) -> Json:
        """Return the MLTask's status."""
        status: Json = self.get("mltask", name)["status"]
        return status

    def has_finished(self, count: int) -> bool:
        """Whether that many of the MLTasks are finished."""
        return sum(map(_is_finished, self.client.objects(self.path("mltasks")))) >= count

    def outcomes(self) -> Counter[tuple[str, int]]:
        """Count the MLTasks by phase and number of attempts."""
        tasks = self.client.objects(self.path("mltasks"))
        return Counter((task["status"]["phase"], task["status"]["attempts"]) for task in tasks)

    def get(self, kind: str, name: str) -> Json:
        """Return an object."""
        return self.client.send("GET", self.path(kind, name))

    def evict(self, pod: str) -> None:
        """Evict a Pod through the API, as `kubectl drain` does."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self.client.send("POST", f"{self.path('pods', pod)}/eviction", body)

    def pods(self) -> list[Json]:
        """Return the Pods of the namespace."""
        return self.client.objects(self.path("pods"))

    def pod_of(self, name: str, attempt: int | None = None, seconds: float = BOUND) -> Json:
        """Wait for the MLTask's current Pod, or for that of an attempt, and return it."""
        selector = f"mltask.dev/task={name}"
        if attempt is not None:
            selector += f",mltask.dev/attempt={attempt}"
        [pod] = self.client.until(
            self.path("pods"), bool, f"a Pod of {selector}", seconds, labelSelector=selector
        )
        return pod

    def _until(self, name: str, holds: Callable[[Json], bool], what: str, seconds: float) -> Json:
        [task] = self.client.until(
            self.path("mltasks"),
            lambda found: bool(found) and holds(found[0]),
            f"{name}: {what}",
            seconds,
            fieldSelector=f"metadata.name={name}",
        )
        return task


def _is_finished(task: Json) -> bool:
    return "completionTime" in task.get("status", {})


def _condition(text: str) -> Callable[[Json], bool]:
    """Return the predicate for a condition of `kubectl wait --for=`.

    It knows `condition=TYPE[=STATUS]` and `jsonpath={.simple.path[0]}[=VALUE]`.
    """
    kind, _, rest = text.partition("=")
    if kind == "condition":
        of_type, _, status = rest.partition("=")
        return lambda task: any(
            (each["type"], each["status"]) == (of_type, status or "True")
            for each in task.get("status", {}).get("conditions", ())
        )
    path, _, expected = rest.removeprefix("{").partition("}")
    keys = [int(index) if index else name for name, index in re.findall(r"(\w+)|\[(\d+)\]", path)]

    def holds(task: Json) -> bool:
        found: Any = task
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError):
                return False
        return not expected or str(found) == expected.removeprefix("=")

    return holds
