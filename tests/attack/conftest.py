"""The shared cluster, and a scene for each attack: operators with an account of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.rights import Chart, granted
from tests.api.team import Team
from tests.attack.bulk import delete_all, drop_finalizers
from tests.attack.extent import IS_WHOLE
from tests.attack.record import Record
from tests.attack.scene import Scene


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the API server."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.api)


@pytest.fixture(scope="session")
def cluster(shared_cluster: Cluster) -> Cluster:
    """The API server: each test has its own namespaces there."""
    return shared_cluster


@pytest.fixture
def record(record_of_attacks: Record) -> Record:
    """The record for docs/security.md."""
    return record_of_attacks


@pytest.fixture
def is_cleared() -> bool:
    """Whether the namespaces are deleted after a test in full size.

    There the next operator serves every namespace.
    """
    return IS_WHOLE


@pytest.fixture
def scene(cluster: Cluster, tmp_path: Path, is_cleared: bool) -> Iterator[Scene]:  # noqa: FBT001 (a fixture)
    """Two namespaces, and no operator yet.

    In full size the operator serves every namespace, as it does by default. A sample shares the
    API server with other tests, so there it serves these two.
    """
    home, attacker, other = (Team.create(cluster) for _ in range(3))
    served = [] if IS_WHOLE else [attacker.namespace, other.namespace]
    program = Chart(cluster, home.namespace, served).operator(home.namespace)
    with granted(cluster, [program]):
        made = Scene(attacker, other, program, tmp_path)
        try:
            yield made
        finally:
            made.stop()
            if is_cleared:
                _clear(home, attacker, other)


def _clear(*teams: Team) -> None:
    """Delete the namespaces with everything in them."""
    for team in teams:
        for kind in ("mltasks", "pods"):
            delete_all(team, kind)
        drop_finalizers(team)
        team.delete()
