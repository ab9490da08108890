"""What runs where: quick tests first, and nothing is left out in silence."""

import os

import pytest

from localcluster import node

pytest_plugins = ["tests.chaos.plugin", "tests.harness.plugin"]

# `make test` goes from what is quick and needs nothing to what is slow and needs a machine.
STAGES = (None, "api", "node")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by stage, and skip what cannot run on this machine."""
    items.sort(key=_stage)
    if reason := node.why_not_here():
        skip = pytest.mark.skip(reason=f"no real node here: {reason}")
        for item in items:
            if item.get_closest_marker("node"):
                item.add_marker(skip)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how much was not run."""
    if skipped := len(terminalreporter.stats.get("skipped", ())):
        terminalreporter.section("not run", red=True)
        terminalreporter.line(f"{skipped} tests were not run; the summary above says why.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that left anything out."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _stage(item: pytest.Item) -> int:
    return max(STAGES.index(stage) for stage in STAGES if stage is None or _has(item, stage))


def _has(item: pytest.Item, marker: str) -> bool:
    return item.get_closest_marker(marker) is not None
