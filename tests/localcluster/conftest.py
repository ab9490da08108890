"""Clusters of both kinds, for tests that must pass on either."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster, leftovers, node

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


@pytest.fixture
def folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder for this test's clusters, which other processes do not look into."""
    # pytest creates its base folder on first use, and would create it below the folder made here.
    # The path of `tmp_path` is too long for the sockets of a real node.
    tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(prefix="clusters-") as name:
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)
        leftovers.remove_abandoned()


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
