"""Order of the tests, and a report of those that did not run."""

import os

import pytest

from localcluster import node
from tests.harness.schedule import sort_longest_first

pytest_plugins = [
    "tests.attack.plugin",
    "tests.chaos.plugin",
    "tests.harness.plugin",
    "tests.harness.clusters",
]

# A single process runs quick tests first, then those that need a control plane, then a node.
STAGES = (None, "api", "node")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests, and skip those that cannot run on this machine."""
    if hasattr(config, "workerinput"):
        sort_longest_first(config, items)
    else:
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
