"""The README's way from nothing to a table of results, on a cluster that it starts itself."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.chart import ROOT
from tests.e2e.test_readme import COMMANDS, SHOWN


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folder for clusters, with none of other tests. Sockets need a short path."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)
        down = ["make", "cluster-down"]
        subprocess.run(down, cwd=ROOT, env={**os.environ, "TMPDIR": path}, check=True)


def columns(text: str, number: int) -> set[tuple[str, ...]]:
    """Return so many columns of each line, from the left."""
    return {tuple(line.split()[:number]) for line in text.splitlines()}


@pytest.mark.node
def test_from_nothing_to_a_table_of_results(folder: Path) -> None:
    ended = subprocess.run(
        ["bash", "-euc", COMMANDS[1]],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    results, tasks, nothing, _ = SHOWN
    # The figures behind these depend on the machine.
    assert columns(results, 3) <= columns(ended.stdout, 3)
    assert columns(tasks, 5) <= columns(ended.stdout, 5)
    assert nothing in ended.stderr
    assert not list(folder.iterdir())
