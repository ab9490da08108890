"""The README's commands, run as they stand there."""

import os
import re
import subprocess

import pytest

from localcluster import Cluster
from tests.chart.chart import HOME, NAME, ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
COMMANDS = [text for kind, text in BLOCKS if kind == "console"]
SHOWN = [text for kind, text in BLOCKS if not kind]
CI = (ROOT / ".ci" / "run").read_text()


def run(block: str, cluster: Cluster) -> str:
    """Run a block of commands in the project's folder, with the cluster's own programs."""
    path = f"{cluster.bin}{os.pathsep}{os.environ['PATH']}"
    settings = {**os.environ, **cluster.environment, "PATH": path}
    ended = subprocess.run(
        ["bash", "-euxc", block],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_block_of_commands_is_known() -> None:
    starts = [block.split()[0] for block in COMMANDS]
    assert starts == ["make", "make", "kubectl", "helm"]


def test_ci_runs_the_two_commands() -> None:
    for line in COMMANDS[0].splitlines():
        command = line.partition("#")[0].strip()
        assert re.search(rf"^.*{command}$", CI, re.MULTILINE), command


def test_the_manifest_is_the_example() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    example = (ROOT / "examples" / "hello.yaml").read_text()
    assert shown.splitlines() == [
        line for line in example.splitlines() if not line.lstrip().startswith("#")
    ]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.node
def test_install_and_first_task(cluster: Cluster) -> None:
    *_, first_task, install = COMMANDS
    run(install.replace("registry.example.com/", "docker.io/library/"), cluster)
    try:
        shown = run(first_task, cluster)
        assert "greeted" in shown
        assert re.search(r"^hello +Succeeded +Completed +1 +0 ", shown, re.MULTILINE)
    finally:
        cluster.kubectl("delete", "mltasks", "--all")
        cluster.helm("uninstall", NAME, *HOME, "--wait")
