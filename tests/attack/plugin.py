"""Pytest plugin with the record of attacks."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.attack.record import Record
from tests.attack.report import cells

RECORD = pytest.StashKey[Record]()


@pytest.fixture(scope="session")
def record_of_attacks(pytestconfig: pytest.Config) -> Iterator[Record]:
    """The attacks; $ATTACK_RECORD names the file in which tests.attack.report finds them."""
    kept = pytestconfig.stash.setdefault(RECORD, Record())
    yield kept
    if path := os.environ.get("ATTACK_RECORD"):
        Path(path).write_text(json.dumps([asdict(each) for each in kept.attacks], indent=1))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the effect of each attack."""
    if kept := config.stash.get(RECORD, None):
        terminalreporter.section("attacks")
        for each in kept.attacks:
            terminalreporter.line(" | ".join(cells(each)))
