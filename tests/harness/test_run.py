"""Runs of pytest with the harness: costs, budgets, and SIGINT to the run and its children."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import BOUND, wait_until

ROOT = Path(__file__).parents[2]

COSTS = """
import subprocess, sys, time
import pytest

BURN = "import time\\nwhile time.process_time() < 0.5: pass"

@pytest.fixture(scope="module")
def costly():
    time.sleep(0.3)

def test_waits(costly):
    time.sleep(0.3)

def test_has_a_child():
    subprocess.run([sys.executable, "-c", BURN], check=True)
"""
INTERRUPTS = """
import signal, subprocess, sys

def test_a_child_ends_by_sigint():
    program = "import time; print('started', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == -signal.SIGINT
"""

CLEANS_UP = """
import pathlib, time
import pytest

@pytest.fixture(scope="session")
def cluster():
    pathlib.Path("cluster").touch()
    yield
    pathlib.Path("cluster").unlink()

def test_waits(cluster):
    pathlib.Path("started").touch()
    time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose tests run with the harness."""
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.harness.plugin"]\n')
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
    return tmp_path


def run(project: Path, test: str, *options: str, expected: int = 0) -> str:
    """Run pytest on this file, with SIGINT ignored as under `nohup`; return what it printed."""
    (project / "tests" / "unit" / "test_it.py").write_text(test)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests/unit"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
    )
    assert ended.returncode == expected, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "workers"])
def test_waiting_and_the_cpu_time_of_children_are_told_apart(
    project: Path, workers: tuple[str, ...]
) -> None:
    shown = run(project, COSTS, "--costs=costs.json", *workers)
    costs = {
        name.rpartition("::")[2]: (wall, cpu)
        for _, name, wall, cpu in json.loads((project / "costs.json").read_text())
    }
    assert costs["costly"][0] >= 0.3 > costs["costly"][1]
    assert costs["test_waits"][0] >= 0.6 > costs["test_waits"][1]
    assert costs["test_has_a_child"][1] >= 0.5
    assert "unit                  2" in shown


def test_programs_that_tests_start_do_not_ignore_sigint(project: Path) -> None:
    run(project, INTERRUPTS, "-n", "2")


@pytest.mark.parametrize("is_whole_group", [True, False], ids=["Ctrl-C", "kill -INT"])
def test_an_interrupted_run_with_workers_tears_its_fixtures_down(
    project: Path, *, is_whole_group: bool
) -> None:
    (project / "tests" / "unit" / "test_it.py").write_text(CLEANS_UP)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-n", "2", "tests/unit"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    ) as running:
        wait_until((project / "started").exists, "the test runs in a worker")
        if is_whole_group:
            os.killpg(running.pid, signal.SIGINT)
        else:
            running.send_signal(signal.SIGINT)
        assert running.wait(BOUND) == pytest.ExitCode.INTERRUPTED
    assert not (project / "cluster").exists()


def test_a_layer_over_its_budget_fails_a_run_whose_tests_pass(project: Path) -> None:
    with (project / "conftest.py").open("a") as conftest:
        conftest.write("from tests.harness import budget\nbudget.CPU_SECONDS['unit'] = 0.1\n")
    shown = run(project, COSTS, expected=1)
    assert "2 passed" in shown
    assert "unit used" in shown
