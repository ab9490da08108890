"""Ledger: sums the costs of a run by layer, prints them, and keeps them for the next run."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.attack import extent as attack
from tests.chaos import extent as chaos
from tests.harness.budget import layer_of, over_budget, slowness
from tests.harness.costs import Cost, costs_of
from tests.harness.schedule import keep_durations

LAST_TABLE = "mltask/layers"
"""Where pytest's cache keeps the table; .ci/run prints it again at its end."""


class Sum(NamedTuple):
    """The costs of one layer."""

    layer: str
    tests: int
    wall: float
    cpu: float


class Ledger:
    """A plugin for the process that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._costs: list[Cost] = []
        self._exceeded: list[str] = []
        self._target: str | None = config.getoption("--costs")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the costs of a test that has ended."""
        self._costs += costs_of(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run if a layer exceeded its budget, except in full size, which has none."""
        is_whole = attack.IS_WHOLE or chaos.IS_WHOLE
        self._exceeded = [] if is_whole else list(over_budget(self._costs, slowness()))
        if self._exceeded and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the seconds of each layer, and which of them exceeded its budget."""
        lines = [*table(sums(self._costs)), f"elapsed: {time.monotonic() - self._began:.0f} s"]
        terminalreporter.section("seconds by layer")
        for line in lines:
            terminalreporter.line(line)
        if self._config.cache:
            self._config.cache.set(LAST_TABLE, "\n".join(lines))
        if self._exceeded:
            terminalreporter.section("over budget", red=True)
            for line in self._exceeded:
                terminalreporter.line(line)
        tests = {cost.name: cost.wall for cost in self._costs if cost.kind == "test"}
        keep_durations(self._config, tests)
        if self._target:
            Path(self._target).write_text(json.dumps(self._costs))


def sums(costs: Iterable[Cost]) -> list[Sum]:
    """Return the sums of tests and shared control planes by layer, sorted by name."""
    layers: dict[str, list[Cost]] = defaultdict(list)
    for cost in costs:
        if cost.kind in ("test", "cluster"):
            layers[layer_of(cost)].append(cost)
    return [
        Sum(
            layer,
            sum(cost.kind == "test" for cost in of_layer),
            sum(cost.wall for cost in of_layer),
            sum(cost.cpu for cost in of_layer),
        )
        for layer, of_layer in sorted(layers.items())
    ]


def table(layers: list[Sum]) -> Iterator[str]:
    """Yield a line for each layer, and one for all of them."""
    total = Sum(
        "all",
        sum(each.tests for each in layers),
        sum(each.wall for each in layers),
        sum(each.cpu for each in layers),
    )
    yield f"{'layer':16} {'tests':>6} {'seconds':>8} {'of CPU':>8} {'waited':>8}"
    for each in [*layers, total]:
        waited = max(0.0, each.wall - each.cpu)
        yield f"{each.layer:16} {each.tests:6} {each.wall:8.0f} {each.cpu:8.0f} {waited:8.0f}"
