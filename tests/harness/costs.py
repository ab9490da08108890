"""Costs: wall and CPU seconds of each test and fixture, collected from every worker.

The worker that runs a test puts its costs into the test's `user_properties`. Pytest carries these
to the process that reports.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest

from tests.harness.cpu import cpu_seconds

PROPERTY = "cost"


class Cost(NamedTuple):
    """What one test or fixture took. `kind` is `test`, or the scope of a fixture."""

    kind: str
    name: str
    wall: float
    cpu: float


@dataclass(eq=False)
class Meter:
    """A plugin for the process that runs tests: measures them and their fixtures."""

    _apart: float = 0.0
    """CPU seconds of this process's children that belong to no single test."""
    _item: pytest.Item | None = None
    _wall: float = field(default_factory=time.monotonic)
    _cpu: float = field(default_factory=cpu_seconds)

    def set_apart(self, cost: Cost) -> None:
        """Report this cost by itself, and leave its CPU time out of the current test's."""
        self._apart += cost.cpu
        if self._item:
            self._item.user_properties.append((PROPERTY, cost))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Remember which test runs."""
        self._item = item
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Measure the setup of fixtures that several tests share."""
        if fixturedef.scope == "function":
            return (yield)
        wall, cpu = time.monotonic(), self._cpu_seconds()
        try:
            return (yield)
        finally:
            name = f"{fixturedef.baseid}::{fixturedef.argname}"
            spent = Cost(
                fixturedef.scope, name, time.monotonic() - wall, self._cpu_seconds() - cpu
            )
            if self._item:
                self._item.user_properties.append((PROPERTY, spent))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Measure a test from the end of the one before it, so that nothing is left out."""
        try:
            return (yield)
        finally:
            wall, cpu = time.monotonic(), self._cpu_seconds()
            spent = Cost("test", item.nodeid, wall - self._wall, max(0.0, cpu - self._cpu))
            self._wall, self._cpu = wall, cpu
            item.user_properties.append((PROPERTY, spent))

    def _cpu_seconds(self) -> float:
        return cpu_seconds() - self._apart


def costs_of(report: pytest.TestReport) -> list[Cost]:
    """Return the costs that a test's last report carries: its own, and those of shared fixtures."""
    if report.when != "teardown":
        return []
    return [Cost(*value) for name, value in report.user_properties if name == PROPERTY]
