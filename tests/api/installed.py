"""A real API server with simulated nodes, and the rights that the chart gives to the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from localcluster import Cluster
from tests.api.audit import OPERATOR, SYSTEM, outside_the_role
from tests.api.client import Client
from tests.chart.chart import CHART, wait_until_established
from tests.waiting import wait_until


@contextmanager
def cluster_with_chart() -> Iterator[Cluster]:
    """Have an API server on which the chart is installed, without the operator's own Pods.

    Raises AssertionError at the end if the operator asked for something that the chart's role does
    not allow. A test that takes rights away uses another account.
    """
    with Cluster.start(real_node=False, simulated_nodes=4) as started:
        # Simulated nodes would only pretend to run the operator: tests run it as a process.
        started.helm(
            *("install", "mltask-operator", str(CHART)),
            *("--namespace", SYSTEM, "--create-namespace", "--set", "nodeSelector.none=such"),
        )
        wait_until_established(started)
        # The admission plugin OwnerReferencesPermissionEnforcement looks for new kinds of owners
        # at the API server's start, and then twice a minute. Until then it refuses their Pods.
        started.kill_component("kube-apiserver")
        started.start_component("kube-apiserver")
        wait_until(lambda: _knows_the_owner(started), "admission knows the kind MLTask")
        yield started
        asked = outside_the_role(started)
        assert not asked, f"the operator asked for what its role does not allow: {asked}"


def _knows_the_owner(cluster: Cluster) -> bool:
    """Return whether the API server accepts a Pod that an MLTask owns."""
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "name": "x", "uid": "x"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    operator = {"Impersonate-User": OPERATOR}
    dry_run = "/api/v1/namespaces/default/pods?dryRun=All"
    code, answer = Client.of(cluster).request("POST", dry_run, pod, operator)
    assert code == 201 or "no matches for kind" in answer["message"], answer
    return code == 201
