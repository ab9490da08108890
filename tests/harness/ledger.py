"""Ledger: sums the costs of a run by layer, prints them, and keeps them for the next run."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.harness.costs import Cost, costs_of
from tests.harness.schedule import keep_durations

LONGEST = 100


class Ledger:
    """A plugin for the process that reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._began = time.monotonic()
        self._costs: list[Cost] = []
        self._target: str | None = config.getoption("--costs")

    @property
    def tests(self) -> list[Cost]:
        """The cost of each test that ran."""
        return [cost for cost in self._costs if cost.kind == "test"]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in the costs of a test that has ended."""
        self._costs += costs_of(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the seconds of each layer."""
        terminalreporter.section("seconds by layer")
        for line in by_layer(self._costs):
            terminalreporter.line(line)
        terminalreporter.line(f"elapsed: {time.monotonic() - self._began:.0f} s")
        keep_durations(self._config, {cost.name: cost.wall for cost in self.tests})
        if self._target:
            Path(self._target).write_text(json.dumps(self._costs))


def layer_of(name: str) -> str:
    """Return the layer of a test or fixture: the folder of tests/ that its name begins with."""
    return name.partition("::")[0].removeprefix("tests/").partition("/")[0]


def by_layer(costs: Iterable[Cost]) -> Iterator[str]:
    """Yield a line for each layer: its tests, and their wall and CPU seconds."""
    layers: dict[str, list[Cost]] = defaultdict(list)
    for cost in costs:
        if cost.kind in ("test", "cluster"):
            layers[layer_of(cost.name)].append(cost)
    for layer, of_layer in sorted(layers.items()):
        wall, cpu = sum(cost.wall for cost in of_layer), sum(cost.cpu for cost in of_layer)
        yield f"{layer:14} {len(of_layer):5} tests {wall:8.1f} s, {cpu:8.1f} s of them CPU"
    total = sum(cost.cpu for of_layer in layers.values() for cost in of_layer)
    yield f"{'all':14} CPU {total:.0f} s"
