"""Costs: wall and CPU seconds of each test, shared fixture and shared cluster.

The worker that runs a test puts its costs into the test's `user_properties`. Pytest carries these
to the process that reports.
"""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psutil
import pytest

from tests.harness.cpu import cpu_seconds, tree_seconds

PROPERTY = "cost"

Processes = Callable[[], Iterable[psutil.Process]]


class Cost(NamedTuple):
    """Seconds of a test, fixture or cluster. `kind` is test, cluster or the scope of a fixture."""

    kind: str
    name: str
    wall: float
    cpu: float


class _Cluster:
    """The processes of a running cluster, searched for only every few seconds."""

    SECONDS = 10.0

    def __init__(self, find: Processes) -> None:
        self._find = find
        self._found_at = -self.SECONDS
        self._found: list[psutil.Process] = []

    def processes(self) -> list[psutil.Process]:
        """Return the processes as of the last search."""
        if time.monotonic() > self._found_at + self.SECONDS:
            self._found, self._found_at = list(self._find()), time.monotonic()
        return self._found


class Meter:
    """A plugin for a process that runs tests: measures them and the fixtures that they share."""

    def __init__(self) -> None:
        self._running: list[_Cluster] = []
        self._ended = 0.0
        self._item: pytest.Item | None = None
        self._last = time.monotonic(), cpu_seconds()

    @contextmanager
    def apart(self, name: str, find: Processes) -> Iterator[None]:
        """Report the CPU time of a cluster's processes by itself instead of as part of a test."""
        began = time.monotonic()
        cluster = _Cluster(find)
        self._running.append(cluster)
        try:
            yield
        finally:
            cpu = tree_seconds(find())
            self._running.remove(cluster)
            self._ended += cpu
            self._add(Cost("cluster", name, time.monotonic() - began, cpu))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Remember which test runs."""
        self._item = item
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """Measure the setup of a fixture that several tests share."""
        if fixturedef.scope == "function":
            return (yield)
        wall, cpu = time.monotonic(), self._cpu_seconds()
        try:
            return (yield)
        finally:
            wall, cpu = time.monotonic() - wall, self._cpu_seconds() - cpu
            name = f"{fixturedef.baseid}::{fixturedef.argname}"
            self._add(Cost(fixturedef.scope, name, wall, max(0.0, cpu)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Measure a test from the end of the one before it, so that nothing is left out."""
        try:
            return (yield)
        finally:
            wall, cpu = self._last
            self._last = time.monotonic(), self._cpu_seconds()
            spent = self._last[0] - wall, max(0.0, self._last[1] - cpu)
            self._add(Cost("test", item.nodeid, *spent))

    def _cpu_seconds(self) -> float:
        clusters = sum(tree_seconds(cluster.processes()) for cluster in self._running)
        return cpu_seconds() - clusters - self._ended

    def _add(self, cost: Cost) -> None:
        if self._item:
            self._item.user_properties.append((PROPERTY, tuple(cost)))


METER = pytest.StashKey[Meter]()


def costs_of(report: pytest.TestReport) -> list[Cost]:
    """Return the costs that a test's last report carries."""
    if report.when != "teardown":
        return []
    properties: list[tuple[str, Any]] = report.user_properties
    return [Cost(*value) for name, value in properties if name == PROPERTY]
