"""Background tasks that end: they start again after a pause, or their end is the operator's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from mltask_operator.runtime.supervisor import (
    LONGEST_PAUSE_SECONDS,
    UNWELL_AFTER_SECONDS,
    Supervisor,
    TaskEnded,
)
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

ENDS = [None, OSError("no answer"), ValueError("no JSON"), KeyError("x"), asyncio.CancelledError()]
each_end = pytest.mark.parametrize("end", ENDS, ids=lambda each: type(each).__name__)


class Work:
    """Work that ends as told, a number of times, and then goes on for ever."""

    def __init__(self, end: BaseException | None, ends: float) -> None:
        self.began: list[float] = []
        self._end = end
        self._ends = ends

    async def __call__(self) -> None:
        self.began.append(asyncio.get_running_loop().time())
        if len(self.began) > self._ends:
            await asyncio.Event().wait()
        if self._end is not None:
            raise self._end


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """A supervisor without a task."""
    supervisor = Supervisor()
    yield supervisor
    await supervisor.stop()


@each_end
async def test_a_kept_task_starts_again_after_growing_pauses(
    supervisor: Supervisor, end: BaseException | None
) -> None:
    work = Work(end, 4)
    supervisor.keep("work", work)
    await let_pass(1000)
    assert work.began == [0, 1, 3, 7, 15]
    supervisor.check()
    supervisor.check_alive()


async def test_no_pause_is_longer_than_the_longest(supervisor: Supervisor) -> None:
    work = Work(None, 30)
    supervisor.keep("work", work)
    await let_pass(10_000)
    assert work.began[-1] - work.began[-2] == LONGEST_PAUSE_SECONDS


@each_end
async def test_the_probe_knows_of_a_task_that_ends_again_and_again(
    supervisor: Supervisor, end: BaseException | None
) -> None:
    supervisor.keep("work", Work(end, float("inf")))
    await let_pass(UNWELL_AFTER_SECONDS - 1)
    supervisor.check_alive()
    await let_pass(2)
    with pytest.raises(RuntimeError, match="work"):
        supervisor.check_alive()


async def test_a_task_that_runs_again_is_well(supervisor: Supervisor) -> None:
    work = Work(ValueError("no JSON"), 20)
    supervisor.keep("work", work)
    await let_pass(UNWELL_AFTER_SECONDS + 1)
    with pytest.raises(RuntimeError):
        supervisor.check_alive()
    await let_pass(10 * LONGEST_PAUSE_SECONDS)
    assert len(work.began) == 21
    supervisor.check_alive()


@each_end
async def test_the_end_of_a_vital_task_is_the_end_of_the_operator(
    supervisor: Supervisor, end: BaseException | None
) -> None:
    supervisor.need("election", Work(end, 1))
    await asyncio.wait_for(supervisor.has_failed.wait(), 1)
    with pytest.raises(TaskEnded, match="election"):
        supervisor.check()
    with pytest.raises(RuntimeError, match="election"):
        supervisor.check_alive()


@pytest.mark.parametrize("start", [Supervisor.keep, Supervisor.need])
async def test_a_task_that_a_stranger_cancels_ends_the_operator(
    supervisor: Supervisor,
    start: Callable[[Supervisor, str, Callable[[], Awaitable[None]]], asyncio.Task[None]],
) -> None:
    task = start(supervisor, "work", Work(None, 0))
    await let_pass()
    task.cancel()
    await let_pass()
    with pytest.raises(TaskEnded, match="work"):
        supervisor.check()


@pytest.mark.parametrize("start", [Supervisor.keep, Supervisor.need])
async def test_a_stop_is_no_failure(
    supervisor: Supervisor,
    start: Callable[[Supervisor, str, Callable[[], Awaitable[None]]], asyncio.Task[None]],
) -> None:
    tasks = [start(supervisor, name, Work(None, 0)) for name in "ab"]
    await let_pass()
    await supervisor.cancel(tasks[0])
    await supervisor.stop()
    assert all(task.cancelled() for task in tasks)
    supervisor.check()
    assert not supervisor.has_failed.is_set()
