"""Who may do what once the chart is installed, as the API server judges it."""

import json
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.operator_process import OperatorProcess
from tests.chart.chart import NAME, OPERATOR, is_denied, release
from tests.waiting import wait_until

pytestmark = pytest.mark.api

TASKS = {"group": "mltask.dev", "resource": "mltasks"}
PODS = {"resource": "pods"}
PRIORITIES = {"group": "scheduling.k8s.io", "resource": "priorityclasses"}
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


def wait_until_may(
    cluster: Cluster, user: str, verb: str, what: dict[str, str], namespace: str
) -> None:
    """Wait until RBAC has learnt of a new role."""
    wait_until(lambda: may(cluster, user, verb, what, namespace), f"{user} may {verb} {what}")


def test_the_operator_runs_tasks_anywhere_and_sees_no_secret(cluster: Cluster) -> None:
    with release(cluster):
        status = {**TASKS, "subresource": "status"}
        wait_until_may(cluster, OPERATOR, "create", PODS, "team-b")
        assert may(cluster, OPERATOR, "watch", TASKS)
        assert may(cluster, OPERATOR, "patch", status, "team-b")
        assert may(cluster, OPERATOR, "delete", TASKS, "team-b"), "for their time to live"
        assert may(cluster, OPERATOR, "watch", {"resource": "resourcequotas"})
        assert may(cluster, OPERATOR, "list", PRIORITIES)
        assert not may(cluster, OPERATOR, "patch", TASKS, "team-b")
        assert not may(cluster, OPERATOR, "get", {"resource": "secrets"}, "team-b")


def test_a_namespaced_operator_may_do_nothing_elsewhere(cluster: Cluster) -> None:
    with release(cluster, *IN_TEAM_A):
        wait_until_may(cluster, OPERATOR, "create", PODS, "team-a")
        # Waits, since RBAC also forgets the roles of the release before this one late.
        wait_until(
            lambda: not may(cluster, OPERATOR, "create", PODS, "team-b"), "no right in team-b"
        )
        assert not may(cluster, OPERATOR, "list", TASKS)
        assert not may(cluster, OPERATOR, "list", PRIORITIES)


def test_a_namespaced_operator_needs_no_right_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    with release(cluster, *IN_TEAM_A):
        wait_until_may(cluster, OPERATOR, "create", PODS, "team-a")
        kubeconfig = cluster.kubeconfig_for_service_account("mltask-system", NAME)
        operator = OperatorProcess.start(kubeconfig, tmp_path / "operator.log", "team-a")
        try:
            cluster.kubectl("apply", "-f", "-", stdin=TASK)
            # The admission plugin that guards blockOwnerDeletion learns late of a new kind.
            succeeded = ("mltask/short", "--for=condition=Complete", "--timeout=180s")
            cluster.kubectl("wait", "--namespace=team-a", *succeeded)
            cluster.kubectl("wait", "--namespace=team-a", "pod", "--all", "--for=delete")
        finally:
            operator.stop()
    asked = [
        event
        for event in cluster.audit_log.events(about=OPERATOR)
        if event["user"]["username"] == OPERATOR
    ]
    assert asked, operator.log
    assert [event["requestURI"] for event in asked if is_denied(event)] == []


def test_who_edits_or_views_a_namespace_does_so_with_its_tasks(cluster: Cluster) -> None:
    for user, role in (("ada", "edit"), ("vera", "view")):
        cluster.kubectl(
            *("create", "rolebinding", user, "-n", "team-b"),
            *("--user", user, "--clusterrole", role),
        )
    with release(cluster):
        wait_until_may(cluster, "ada", "create", TASKS, "team-b")
        wait_until_may(cluster, "vera", "list", TASKS, "team-b")
        assert not may(cluster, "vera", "delete", TASKS, "team-b")
        assert not may(cluster, "ada", "create", TASKS, "team-a")
