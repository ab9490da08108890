"""Helm without a cluster, and a cluster for it."""

import subprocess
from collections.abc import Iterator

import pytest
import yaml

from localcluster import Cluster, tools
from tests.chart.chart import CHART, Ended, Helm, Objects, Render
from tests.chart.matrix import EVERYTHING


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Run helm with the given arguments; what it says and its exit code come back."""
    binary = tools.built("helm")
    if binary is None:
        pytest.skip("helm is not built yet: make tools")

    def run(*args: str) -> Ended:
        return subprocess.run([str(binary), *args], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def render(helm: Helm) -> Render:
    """Return the objects that the chart renders with these `--set` values, as release `mltask`."""

    def objects(*values: str) -> Objects:
        sets = [word for value in values for word in ("--set", value)]
        ended = helm("template", "mltask", str(CHART), "--namespace", "mltask-system", *sets)
        assert ended.returncode == 0, ended.stderr
        return [found for found in yaml.load_all(ended.stdout, yaml.CSafeLoader) if found]

    return objects


@pytest.fixture(scope="session")
def everything(helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """The objects with no value as it is by default."""
    return EVERYTHING.objects(helm, tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A real API server with simulated nodes, and the namespaces that the tests name."""
    with Cluster.start(real_node=False) as started:
        for namespace in ("mltask-system", "team-a", "team-b"):
            started.kubectl("create", "namespace", namespace)
        yield started
