"""The API server takes a task's Pod from the replica that leads, and from no other."""

import json
from collections.abc import Callable, Iterator

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from mltask_operator.kube.errors import ApiError
from mltask_operator.kube.refusals import refusal_from
from tests.chart.chart import HOME, NAME, release
from tests.unit.pods import NOW
from tests.waiting import wait_until

pytestmark = pytest.mark.api

Create = Callable[..., str]
LABELS = {"mltask.dev/task-uid": "x"}


def pod(name: str, namespace: str, **labels: str) -> str:
    """Return a Pod that no node takes."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {
                "serviceAccountName": NAME if namespace == "mltask-system" else "default",
                "schedulerName": "none",
                "containers": [{"name": "x", "image": "x"}],
            },
        }
    )


@pytest.fixture
def replicas(cluster: Cluster) -> Iterator[Create]:
    """The chart with two replicas, `a` and `b`, as which a dry run may create a Pod."""
    with release(cluster, "--set", "replicaCount=0"):
        kubeconfigs = {}
        for name in ("a", "b"):
            cluster.kubectl("create", "-f", "-", stdin=pod(name, "mltask-system"))
            bound = ("--bound-object-kind=Pod", f"--bound-object-name={name}")
            token = cluster.kubectl("create", "token", NAME, *HOME, *bound).strip()
            kubeconfigs[name] = ("--kubeconfig=/dev/null", f"--token={token}")

        def create(replica: str, **labels: str) -> str:
            to = (f"--server={cluster.url}", "--insecure-skip-tls-verify")
            dry_run = ("create", "--dry-run=server", "-f", "-")
            body = pod("attempt", "team-b", **labels)
            return cluster.kubectl(*kubeconfigs[replica], *to, *dry_run, stdin=body)

        yield create
        cluster.kubectl("delete", "pod", "a", "b", *HOME, "--now")
        cluster.kubectl("delete", "lease", NAME, *HOME, "--ignore-not-found")


def let_lead(cluster: Cluster, identity: str) -> None:
    """Have the Lease held by a process."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": NAME, "namespace": "mltask-system"},
        "spec": {"holderIdentity": identity, "leaseDurationSeconds": 15},
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(lease))


def refusal(create: Create, replica: str) -> str:
    """Return why a Pod of a task is not taken, or nothing where it is."""
    try:
        create(replica, **LABELS)
    except ClusterError as error:
        return str(error)
    return ""


def test_only_the_leader_may_create_pods_of_tasks(cluster: Cluster, replicas: Create) -> None:
    # In force within a second or two of the installation, for a Lease that is not there yet too.
    wait_until(lambda: ".leader.mltask.dev'" in refusal(replicas, "a"), "no Lease: refused")
    let_lead(cluster, "a_1")
    wait_until(lambda: not refusal(replicas, "a"), "the leader may")
    said = refusal(replicas, "b")
    assert "this replica of the MLTask operator does not lead" in said
    let_lead(cluster, "b_1")
    wait_until(lambda: not refusal(replicas, "b"), "the next leader may")
    assert "does not lead" in refusal(replicas, "a")

    assert replicas("a"), "other Pods are nothing to the fence"
    assert cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=pod("x", "team-b"))
    # It blames no task: the operator asks again.
    message = said.partition("Error from server (Forbidden): ")[2]
    assert refusal_from(ApiError(403, "Forbidden", message), NOW) is None
