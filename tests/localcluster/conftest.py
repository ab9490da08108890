"""Clusters of both kinds; what holds for one has to hold for the other."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster, node

KINDS = [
    pytest.param("simulated", marks=pytest.mark.api),
    pytest.param("real", marks=pytest.mark.node),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of nodes that the test is about."""
    kind: str = request.param
    if kind == "real":
        _skip_where_no_real_node_runs()
    return kind


@pytest.fixture
def cluster(kind: str, request: pytest.FixtureRequest) -> Cluster:
    """A running cluster of this kind, the same for all tests."""
    cluster: Cluster = request.getfixturevalue(f"{kind}_cluster")
    return cluster


@pytest.fixture(scope="session")
def simulated_cluster() -> Iterator[Cluster]:
    with Cluster.start(real_node=False) as started:
        yield started


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[Cluster]:
    _skip_where_no_real_node_runs()
    with Cluster.start(real_node=True) as started:
        yield started


def _skip_where_no_real_node_runs() -> None:
    if reason := node.why_not_here():
        pytest.skip(f"no real node here: {reason}")
