"""Pytest plugin that registers the harness: costs, schedule and shared clusters."""

import os
import signal

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.harness import schedule
from tests.harness.costs import METER, Meter
from tests.harness.ledger import Ledger


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the harness's options."""
    group = parser.getgroup("mltask")
    group.addoption("--costs", metavar="FILE", help="write what each test and fixture took")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register what this process needs: a worker measures, the main process reports."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # `nohup` and a shell's background jobs ignore SIGINT, and so would every program that a
        # test starts and interrupts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        # Every server of the tests runs on this machine. A test of proxies sets its own.
        del os.environ[name]
    config.stash[METER] = Meter()
    config.pluginmanager.register(config.stash[METER])
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Have workers run whole units of work, in the order of `schedule.sort_longest_first`."""
    config.option.loadscopereorder = False
    return schedule.ByUnit(config, log)
