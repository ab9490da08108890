"""A real API server with simulated nodes, and the operator with the rights that its chart gives."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.audit import SYSTEM, outside_the_role
from tests.api.client import Client
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team
from tests.api.watch import Watch
from tests.chart.chart import wait_until_established
from tests.waiting import wait_until

CHART = Path(__file__).parents[2] / "charts" / "mltask-operator"

StartOperator = Callable[[Team], OperatorProcess]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the API server."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.api)


@contextmanager
def cluster_with_chart() -> Iterator[Cluster]:
    """Have an API server on which the chart is installed, but for the operator's own Pod.

    Whatever the tests made it do, its role had to do: one that takes rights away uses an account
    of its own. If not, the run ends with an error.
    """
    with Cluster.start(real_node=False, simulated_nodes=4) as started:
        # Simulated nodes would pretend to run the operator; it runs beside them instead.
        started.helm(
            *("install", "mltask-operator", str(CHART)),
            *("--namespace", SYSTEM, "--create-namespace", "--set", "nodeSelector.none=such"),
        )
        wait_until_established(started)
        wait_until(lambda: _knows_the_owner(started), "admission knows the kind MLTask", 60)
        yield started
        asked = outside_the_role(started)
        assert not asked, f"in this run the operator asked for what it has no right to: {asked}"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that all tests of the session share, in namespaces of their own."""
    with cluster_with_chart() as started:
        yield started


def _knows_the_owner(cluster: Cluster) -> bool:
    """Whether the admission plugin OwnerReferencesPermissionEnforcement has seen the CRD.

    Until it looks for new kinds, which it does twice a minute, it refuses the Pods of new ones.
    """
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "name": "x", "uid": "x"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]},
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }
    account = f"system:serviceaccount:{SYSTEM}:mltask-operator"
    dry_run = ("create", "--dry-run=server", "--as", account, "--namespace=default", "-f", "-")
    try:
        cluster.kubectl(*dry_run, stdin=json.dumps(pod))
    except ClusterError as error:
        if "no matches for kind" not in str(error):
            raise
        return False
    return True


@pytest.fixture(scope="session")
def operator_kubeconfig(cluster: Cluster) -> Path:
    """Return the kubeconfig of the operator's service account."""
    return cluster.kubeconfig_for_service_account(SYSTEM, "mltask-operator")


@pytest.fixture
def team(cluster: Cluster) -> Iterator[Team]:
    """A namespace of the test's own, gone after it."""
    created = Team.create(cluster)
    yield created
    created.delete()


@pytest.fixture
def other_team(cluster: Cluster) -> Iterator[Team]:
    """Somebody else's namespace."""
    created = Team.create(cluster)
    yield created
    created.delete()


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
    created.delete()


@pytest.fixture(scope="module")
def pods(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """All that happens to the Pods of that namespace."""
    with Watch(shared_team, tmp_path_factory.mktemp("watch")) as watch:
        yield watch


@pytest.fixture(scope="module")
def unserved(cluster: Cluster) -> Iterator[Team]:
    """A namespace that no operator serves, for all tests of a file."""
    created = Team.create(cluster)
    yield created
    created.delete()


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    """The administrator, without kubectl."""
    with Client(cluster) as made:
        yield made
