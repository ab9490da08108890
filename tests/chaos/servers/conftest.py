"""The worker's own cluster, because these tests break its servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import SYSTEM
from tests.api.team import Team
from tests.chaos.extent import IS_WHOLE
from tests.chaos.ledger import Ledger
from tests.chaos.servers.etcd import Etcd, PodHistory
from tests.chaos.servers.site import Site

# Two minutes, most of them a wait for caches to fill: `make chaos` takes them.
collect_ignore = [] if IS_WHOLE else ["test_compaction.py"]


@pytest.fixture(scope="session")
def cluster(own_cluster: Cluster) -> Cluster:
    """The cluster that these tests break."""
    return own_cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """Return the kubeconfig of the operator's service account."""
    return cluster.kubeconfig_for_service_account(SYSTEM, "mltask-operator")


@pytest.fixture(scope="session")
def ledger(cluster: Cluster) -> Ledger:
    """The audit log's account of Pods."""
    return Ledger(cluster)


@pytest.fixture
def site(
    cluster: Cluster, team: Team, operator_kubeconfig: Path, ledger: Ledger, tmp_path: Path
) -> Iterator[Site]:
    """A namespace where a fault is tried."""
    with PodHistory(Etcd(cluster)) as history:
        yield Site(team, operator_kubeconfig, tmp_path, ledger, history)


@pytest.fixture
def team(cluster: Cluster) -> Iterator[Team]:
    """A namespace for one test, which no operator of the next test serves."""
    created = Team.create(cluster)
    yield created
    created.delete()
