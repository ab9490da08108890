"""Who may do what once the chart is installed, as the API server judges it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.chart.chart import NAME, OPERATOR, is_denied, release

pytestmark = pytest.mark.api

TASKS = {"group": "mltask.dev", "resource": "mltasks"}
PODS = {"resource": "pods"}
IN_TEAM_A = ("--set", "namespaces={team-a}")
TASK = """
apiVersion: mltask.dev/v1alpha1
kind: MLTask
metadata: {name: short, namespace: team-a}
spec:
  image: busybox
  resources: {requests: {cpu: 100m}}
  template:
    metadata: {annotations: {fake.mltask.dev/run-seconds: "0"}}
"""


def may(cluster: Cluster, user: str, verb: str, what: dict[str, str], namespace: str = "") -> bool:
    """Whether RBAC lets a user do something in a namespace, or in all of them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "resourceAttributes": {"verb": verb, "namespace": namespace, **what},
        },
    }
    said = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
    return bool(json.loads(said)["status"]["allowed"])


def eventually(holds: Callable[[], bool], within: float = 30) -> bool:
    """Whether a condition comes to hold within so many seconds; RBAC learns of a new role late."""
    end = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


@contextmanager
def operator(kubeconfig: Path, log: Path, *flags: str) -> Iterator[None]:
    """Run the operator beside the cluster, with the rights that this kubeconfig has."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("mltask-operator")
    with (
        log.open("w") as output,
        subprocess.Popen(
            [program, "run", f"--health-port={port}", *flags],
            env=os.environ | {"KUBECONFIG": str(kubeconfig)},
            stdout=output,
            stderr=output,
        ) as running,
    ):
        try:
            yield
        finally:
            running.terminate()


def test_the_operator_runs_tasks_anywhere_and_sees_no_secret(cluster: Cluster) -> None:
    with release(cluster):
        status = {**TASKS, "subresource": "status"}
        assert eventually(lambda: may(cluster, OPERATOR, "create", PODS, "team-b"))
        assert may(cluster, OPERATOR, "watch", TASKS)
        assert may(cluster, OPERATOR, "patch", status, "team-b")
        assert not may(cluster, OPERATOR, "patch", TASKS, "team-b")
        assert not may(cluster, OPERATOR, "get", {"resource": "secrets"}, "team-b")


def test_a_namespaced_operator_may_do_nothing_elsewhere(cluster: Cluster) -> None:
    with release(cluster, *IN_TEAM_A):
        assert eventually(lambda: may(cluster, OPERATOR, "create", PODS, "team-a"))
        assert not may(cluster, OPERATOR, "create", PODS, "team-b")
        assert not may(cluster, OPERATOR, "list", TASKS)


def test_a_namespaced_operator_needs_no_right_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    with release(cluster, *IN_TEAM_A):
        assert eventually(lambda: may(cluster, OPERATOR, "create", PODS, "team-a"))
        kubeconfig = cluster.kubeconfig_for_service_account("mltask-system", NAME)
        with operator(kubeconfig, log, "--namespace=team-a"):
            cluster.kubectl("apply", "-f", "-", stdin=TASK)
            # The admission plugin that guards blockOwnerDeletion learns late of a new kind.
            succeeded = ("mltask/short", "--for=condition=Complete", "--timeout=90s")
            cluster.kubectl("wait", "--namespace=team-a", *succeeded)
            cluster.kubectl("wait", "--namespace=team-a", "pod", "--all", "--for=delete")
    asked = [event for event in cluster.audit_events() if event["user"]["username"] == OPERATOR]
    assert asked, log.read_text()
    assert [event["requestURI"] for event in asked if is_denied(event)] == []


def test_who_edits_or_views_a_namespace_does_so_with_its_tasks(cluster: Cluster) -> None:
    for user, role in (("ada", "edit"), ("vera", "view")):
        cluster.kubectl(
            *("create", "rolebinding", user, "-n", "team-b"),
            *("--user", user, "--clusterrole", role),
        )
    with release(cluster):
        assert eventually(lambda: may(cluster, "ada", "create", TASKS, "team-b"))
        assert eventually(lambda: may(cluster, "vera", "list", TASKS, "team-b"))
        assert not may(cluster, "vera", "delete", TASKS, "team-b")
        assert not may(cluster, "ada", "create", TASKS, "team-a")
