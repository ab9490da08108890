"""A short soak: once its tasks are gone, an operator is as it was before the first of them."""

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks import soak
from benchmarks.soak import Soak
from localcluster import Cluster

pytestmark = pytest.mark.api

TASKS = 300
KILOBYTES_PER_TASK = 10
"""Python takes memory in steps, and so few tasks are hardly a warm-up. What an operator that
keeps the objects it is sent would need is more: 20 kB for an MLTask with the states of its Pod."""


@pytest.fixture(scope="module")
def seen() -> Iterator[Soak]:
    """What was seen of the run."""
    with Cluster.start(real_node=False) as cluster:
        yield asyncio.run(soak.soak(cluster, TASKS, alive=50, ttl=1))


def test_it_did_work(seen: Soak) -> None:
    assert len(seen.times) == TASKS
    assert max(sample.entries for sample in seen.during) > 10


def test_nothing_is_known_any_more_of_deleted_tasks(seen: Soak) -> None:
    assert (seen.before.entries, seen.after.entries) == (0, 0)


def test_no_asyncio_task_is_left(seen: Soak) -> None:
    assert seen.after.asyncio_tasks <= seen.before.asyncio_tasks


def test_no_socket_is_left(seen: Soak) -> None:
    assert seen.after.sockets <= seen.before.sockets


def test_memory_does_not_grow_with_each_task(seen: Soak) -> None:
    half = len(seen.during) // 2
    grown = seen.after.memory - seen.during[half].memory
    assert grown < KILOBYTES_PER_TASK * TASKS / 2
