"""kubectl mltask where containers really run: live logs, and results that programs write."""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.plugin import mltask, running
from tests.api.team import Team
from tests.chart.chart import ROOT
from tests.e2e.kubelet.workloads import step, task

LITTLE = ("--cpu=10m", "--memory=16Mi")
SPEAKS = "echo one; until [ -e /go ]; do sleep 0.1; done; echo two; exit 3"


def test_the_log_is_followed_while_it_is_written(team: Team, tmp_path: Path) -> None:
    options = ("busybox:1.37", "--name=speaks", *LITTLE, "--follow", "--", "sh", "-c", SPEAKS)
    with running(team, tmp_path, "run", *options) as following:
        following.shows("one\n")
        assert mltask(team, "logs", "speaks").stdout == "one\n"
        team.kubectl("exec", team.pod_of("speaks")["metadata"]["name"], "--", "touch", "/go")
        assert following.ends() == 1
        assert following.stdout == "one\ntwo\n"
    team.finish("speaks")
    assert mltask(team, "logs", "speaks").stdout == "one\ntwo\n"


def test_the_logs_of_steps_follow_one_another(team: Team, tmp_path: Path) -> None:
    names = ("first", "second", "third")
    team.apply(task("talkers", steps=[step(name, f"echo {name}; sleep 1") for name in names]))
    followed = mltask(team, "logs", "-f", "talkers")
    assert followed.stdout.split() == list(names), followed.stderr


def test_the_example_of_a_sweep(team: Team) -> None:
    result = mltask(team, "sweep", str(ROOT / "examples" / "sweep.yaml"))
    assert result.returncode == 0, result.stderr
    header, *trials = result.stdout.splitlines()
    assert header.split() == ["TRIAL", "LR", "LAYERS", "ACCURACY", "PHASE", "REASON", "DURATION"]
    assert [line.split()[2:4] for line in trials] == [["4", "0.94"]] * 3 + [["2", "0.92"]] * 3


def test_the_example_in_python(team: Team) -> None:
    environment = {**os.environ, **team.cluster.environment}
    program = [sys.executable, str(ROOT / "examples" / "client.py")]
    shown = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 0, shown.stderr
    assert "{'accuracy': 0.9, 'lr': 0.1}" in shown.stdout
    assert shown.stdout.endswith("ContainerFailed 3 no data\n")
