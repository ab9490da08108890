"""The worker's own cluster, because these tests break its servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.team import Team
from tests.api.whole_cluster.conftest import cluster, operator_kubeconfig, team
from tests.chaos.extent import IS_WHOLE
from tests.chaos.ledger import Ledger
from tests.chaos.servers.etcd import Etcd, PodHistory
from tests.chaos.servers.site import Site

# Two minutes, most of them a wait for caches to fill: `make chaos` takes them.
collect_ignore = [] if IS_WHOLE else ["test_compaction.py"]


__all__ = ["cluster", "operator_kubeconfig", "team"]


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
