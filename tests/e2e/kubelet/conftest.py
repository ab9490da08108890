"""The operator runs beside the real node, as a process of this environment.

It leaves the node as it was: the chart's tests, which come next, install the operator there.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.operator_process import DEFINITION
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each needs the real node."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.node)


@pytest.fixture(scope="package")
def team(node: Cluster) -> Iterator[Team]:
    """A namespace on a real node of two CPUs that the operator serves."""
    operator = OperatorProcess.serve(node)
    created = Team.create(node)
    yield created
    node.kubectl("delete", "namespace", created.namespace, "--timeout=180s")
    node.kubectl("delete", "-f", str(DEFINITION), "--timeout=180s")
    operator.stop()
