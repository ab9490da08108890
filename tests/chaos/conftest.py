"""The cluster and the operator's account as in tests/api."""

from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.conftest import cluster, operator_kubeconfig, team
from tests.chaos.ledger import Ledger
from tests.chaos.run import Setting

__all__ = ["cluster", "operator_kubeconfig", "team"]


@pytest.fixture(scope="session")
def setting(cluster: Cluster, operator_kubeconfig: Path) -> Setting:
    """Where the scenarios are played."""
    return Setting(cluster, operator_kubeconfig, Ledger(cluster))
