"""Suspending tasks, and what is seen of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from localcluster.errors import ClusterError
from tests.api.team import Json, Team
from tests.waiting import wait_until


def suspend(team: Team, task: str, *, value: bool = True) -> None:
    patch = json.dumps({"spec": {"suspend": value}})
    team.kubectl("patch", "mltask", task, "--type=merge", f"--patch={patch}")


def resume(team: Team, task: str) -> None:
    suspend(team, task, value=False)


def condition(status: Json) -> tuple[str, str]:
    """Return status and reason of the condition Suspended."""
    [found] = [c for c in status["conditions"] if c["type"] == "Suspended"]
    return found["status"], found["reason"]


def counted(status: Json) -> tuple[int, int]:
    """Return how many failures and disruptions the task has had."""
    return status.get("failures", 0), status.get("disruptions", 0)


@contextmanager
def undeletable(team: Team, pod: str) -> Iterator[None]:
    """Have the API server refuse to delete the team's Pods within the block; `pod` is one."""
    name = f"keep-pods-of-{team.namespace}"
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": team.namespace}}
    deletions = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["DELETE"],
        "resources": ["pods"],
    }
    policy = {
        "matchConstraints": {"namespaceSelector": namespace, "resourceRules": [deletions]},
        "validations": [{"expression": "false"}],
    }
    binding = {"policyName": name, "validationActions": ["Deny"]}
    kinds = {
        "ValidatingAdmissionPolicy": policy,
        "ValidatingAdmissionPolicyBinding": binding,
    }
    for kind, spec in kinds.items():
        admission = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind}
        body = {**admission, "metadata": {"name": name}, "spec": spec}
        team.kubectl("create", "-f", "-", stdin=json.dumps(body))
    try:
        wait_until(lambda: _is_refused(team, pod, name), "deletions are refused")
        yield
    finally:
        team.kubectl("delete", ",".join(kinds), name)


def _is_refused(team: Team, pod: str, policy: str) -> bool:
    try:
        team.kubectl("delete", "pod", pod, "--dry-run=server")
    except ClusterError as error:
        return f"ValidatingAdmissionPolicy '{policy}'" in str(error)
    return False
