"""A real node on which the operator's image lies, built from the Dockerfile."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from supplychain import image


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real node that holds the operator's image and nothing of the operator."""
    operator = image.build()
    with Cluster.start(real_node=True) as started:
        started.import_image(operator)
        yield started
