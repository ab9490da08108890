"""Pytest plugin with the clusters that tests of several folders use."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from tests.api.installed import cluster_with_chart
from tests.harness.shared import measured, shared


@pytest.fixture(scope="session")
def shared_cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """The cluster that all workers share: each test has its own namespaces."""
    with shared(request, tmp_path_factory, "shared", cluster_with_chart) as started:
        yield started


@pytest.fixture(scope="session")
def own_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster that no other worker uses, for tests that break servers or serve all namespaces."""
    with measured(request, "own", cluster_with_chart) as started:
        yield started
