"""The worker's own cluster, because these tests have operators that serve all namespaces."""

from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import SYSTEM


@pytest.fixture(scope="session")
def cluster(own_cluster: Cluster) -> Cluster:
    """A cluster that no other worker uses."""
    return own_cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """Return the kubeconfig of the operator's service account."""
    return cluster.kubeconfig_for_service_account(SYSTEM, "mltask-operator")
