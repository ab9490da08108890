"""The cluster that all workers share, and operators with the rights that the chart gives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import SYSTEM
from tests.api.client import Client
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team
from tests.api.watch import Watch

StartOperator = Callable[[Team], OperatorProcess]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the API server."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.api)


@pytest.fixture(scope="session")
def cluster(shared_cluster: Cluster) -> Cluster:
    """The API server: each test has its own namespaces there."""
    return shared_cluster


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """Return the kubeconfig of the operator's service account."""
    return cluster.kubeconfig_for_service_account(SYSTEM, "mltask-operator")


# Nobody deletes the namespaces of the shared cluster. They end with it, and each deletion would
# cost the API server some 150 requests.


@pytest.fixture
def team(cluster: Cluster) -> Team:
    """A namespace for one test."""
    return Team.create(cluster)


@pytest.fixture
def other_team(cluster: Cluster) -> Team:
    """Another namespace for the test."""
    return Team.create(cluster)


@pytest.fixture
def start_operator(
    operator_kubeconfig: Path, tmp_path: Path
) -> Iterator[Callable[[Team], OperatorProcess]]:
    """Start operators that serve a team's namespace alone, and stop them after the test."""
    started: list[OperatorProcess] = []

    def start(team: Team) -> OperatorProcess:
        log = tmp_path / f"operator-{len(started)}.log"
        operator = OperatorProcess.start(operator_kubeconfig, log, team.namespace)
        started.append(operator)
        return operator

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture
def operator(team: Team, start_operator: StartOperator) -> OperatorProcess:
    """The operator, serving the team's namespace."""
    return start_operator(team)


@pytest.fixture(scope="module")
def shared_team(
    cluster: Cluster, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Team]:
    """A namespace that the operator serves, for all tests of a file: each has names of its own."""
    created = Team.create(cluster)
    log = tmp_path_factory.mktemp("operator") / "log"
    operator = OperatorProcess.start(operator_kubeconfig, log, created.namespace)
    yield created
    operator.stop()


@pytest.fixture(scope="module")
def pods(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """All that happens to the Pods of that namespace."""
    with Watch(shared_team, tmp_path_factory.mktemp("watch")) as watch:
        yield watch


@pytest.fixture(scope="module")
def unserved(cluster: Cluster) -> Team:
    """A namespace that no operator serves, for all tests of a file."""
    return Team.create(cluster)


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    """The administrator, without kubectl."""
    with Client(cluster) as made:
        yield made
