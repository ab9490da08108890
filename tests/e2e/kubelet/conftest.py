"""One real node for all tests of this folder; the operator runs beside it, from this environment.

The cluster of the chart's tests, on which the operator runs from its image, is another one.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the real node."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.node)


@pytest.fixture(scope="package")
def team() -> Iterator[Team]:
    """A namespace on a real node of two CPUs that the operator serves."""
    with Cluster.start(real_node=True, allocatable_cpus=2) as cluster:
        operator = OperatorProcess.serve(cluster)
        yield Team.create(cluster)
        operator.stop()
