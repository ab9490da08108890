"""The worker's own cluster, because these tests have operators that serve all namespaces."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import SYSTEM
from tests.api.team import Team


@pytest.fixture(scope="session")
def cluster(own_cluster: Cluster) -> Cluster:
    """A cluster that no other worker uses."""
    return own_cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """Return the kubeconfig of the operator's service account."""
    return cluster.kubeconfig_for_service_account(SYSTEM, "mltask-operator")


@pytest.fixture
def team(cluster: Cluster) -> Iterator[Team]:
    """A namespace for one test, which no operator of the next test serves."""
    created = Team.create(cluster)
    yield created
    created.delete()


@pytest.fixture
def other_team(cluster: Cluster) -> Iterator[Team]:
    """Another namespace for the test."""
    created = Team.create(cluster)
    yield created
    created.delete()
