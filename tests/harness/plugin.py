"""Pytest plugin that registers the harness: costs, schedule and shared clusters."""

import os
import signal
from collections.abc import Generator

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
    # Every server of the tests runs on this machine. Only what is built for them may need a proxy.
    exempt = f"{os.environ.get('no_proxy') or os.environ.get('NO_PROXY', '')},127.0.0.1,localhost"
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = exempt
    config.stash[METER] = Meter()
    config.pluginmanager.register(config.stash[METER])
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Ledger(config))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates in what a test logged: a worker could not send its report."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode())
        for title, text in report.sections
    ]
    return report


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Have workers run whole units of work, in the order of `schedule.sort_longest_first`."""
    config.option.loadscopereorder = False
    return schedule.ByUnit(config, log)
