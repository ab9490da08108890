"""The chart as Helm renders it."""

import subprocess

import pytest
import yaml

from localcluster import tools
from tests.chart.chart import CHART, Ended, Helm, Objects, Render


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
