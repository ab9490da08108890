"""A record of what was tried, for every test that tries something."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.record import Record
from tests.chaos.report import by_fault

RECORD = pytest.StashKey[Record]()


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Iterator[Record]:
    """What was tried; $CHAOS_RECORD is a file that is to have it, for tests.chaos.report."""
    kept = pytestconfig.stash.setdefault(RECORD, [])
    yield kept
    if path := os.environ.get("CHAOS_RECORD"):
        Path(path).write_text(json.dumps([tried._asdict() for tried in kept], indent=1))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how often each fault was tried."""
    if kept := config.stash.get(RECORD, None):
        terminalreporter.section("chaos")
        for fault, _, tried, lost, moved_on in by_fault(kept):
            terminalreporter.line(f"{fault}: {tried} tried, {lost} lost; moved on: {moved_on}")
