"""The cluster and the operator's account of tests/api, and replicas."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import SYSTEM
from tests.api.conftest import cluster, operator_kubeconfig, team
from tests.api.team import Team
from tests.chaos.ledger import Ledger
from tests.chaos.replicas import Replicas
from tests.chaos.run import Setting

__all__ = ["cluster", "operator_kubeconfig", "team"]


@pytest.fixture(scope="session")
def setting(cluster: Cluster, operator_kubeconfig: Path) -> Setting:
    """Where the scenarios are played."""
    return Setting(cluster, operator_kubeconfig, Ledger(cluster))


@pytest.fixture
def replicas(team: Team, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[Replicas]:
    """Operators of the team, none yet."""
    # What the chart grants for one name in one namespace, for a Lease of the test's own.
    team.kubectl("create", "role", "leader", "--verb=get,create,update", "--resource=leases")
    account = f"--serviceaccount={SYSTEM}:mltask-operator"
    team.kubectl("create", "rolebinding", "leader", "--role=leader", account)
    made = Replicas(team, operator_kubeconfig, tmp_path)
    yield made
    made.stop()
