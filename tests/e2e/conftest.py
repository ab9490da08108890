"""A real node on which the operator's image lies, built from the Dockerfile."""

from collections.abc import Iterator

import pytest

import mltask_operator
from localcluster import Cluster, images
from tests.chart.chart import ROOT


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real node that holds the operator's image and nothing of the operator."""
    image = images.build(
        context=ROOT,
        dockerfile=ROOT / "Dockerfile",
        tag=f"docker.io/library/mltask-operator:{mltask_operator.__version__}",
        build_args={"BASE": images.base_image()},
    )
    with Cluster.start(real_node=True) as started:
        started.import_image(image)
        yield started
