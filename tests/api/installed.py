"""A real API server with simulated nodes, and the rights that the chart gives to the operator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.audit import SYSTEM, outside_the_role
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
        wait_until(lambda: _knows_the_owner(started), "admission knows the kind MLTask", 60)
        yield started
        asked = outside_the_role(started)
        assert not asked, f"the operator asked for what its role does not allow: {asked}"


def _knows_the_owner(cluster: Cluster) -> bool:
    """Whether the admission plugin OwnerReferencesPermissionEnforcement has seen the CRD.

    Until it looks for new kinds, which it does twice a minute, it refuses the Pods of new ones.
    """
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "name": "x", "uid": "x"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    account = f"system:serviceaccount:{SYSTEM}:mltask-operator"
    dry_run = ("create", "--dry-run=server", "--as", account, "--namespace=default", "-f", "-")
    try:
        cluster.kubectl(*dry_run, stdin=json.dumps(pod))
    except ClusterError as error:
        if "no matches for kind" not in str(error):
            raise
        return False
    return True
