"""Pytest plugin that registers the harness: costs, budget and scheduling."""

import pytest

from tests.harness.costs import Meter
from tests.harness.ledger import Ledger

METER = pytest.StashKey[Meter]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the harness's options."""
    group = parser.getgroup("mltask")
    group.addoption("--costs", metavar="FILE", help="write what each test and fixture took")


def pytest_configure(config: pytest.Config) -> None:
    """Register the parts that this process needs: a worker measures, the main process reports."""
    config.stash[METER] = Meter()
    config.pluginmanager.register(config.stash[METER])
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(config))
