"""One real node for all tests of this folder: they run one after another."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from supplychain import image


@pytest.fixture(scope="session")
def node() -> Iterator[Cluster]:
    """A real node of two CPUs, without the operator."""
    with Cluster.start(real_node=True, allocatable_cpus=2) as started:
        yield started


@pytest.fixture(scope="session")
def cluster(node: Cluster) -> Cluster:
    """The node, which has the operator's image, built from the Dockerfile."""
    node.import_image(image.build())
    return node
