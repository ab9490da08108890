"""Fixtures of chaos tests: those of tests/api, scenario settings, and operator replicas."""

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
    """The cluster, the operator's kubeconfig and the ledger, for the scenarios."""
    return Setting(cluster, operator_kubeconfig, Ledger(cluster))


@pytest.fixture
def replicas(team: Team, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[Replicas]:
    """The operator replicas of the team; at first there are none."""
    # The chart grants these verbs on one Lease only. Each test uses its own Lease.
    team.kubectl("create", "role", "leader", "--verb=get,create,update", "--resource=leases")
    account = f"--serviceaccount={SYSTEM}:mltask-operator"
    team.kubectl("create", "rolebinding", "leader", "--role=leader", account)
    made = Replicas(team, operator_kubeconfig, tmp_path)
    yield made
    made.stop()
