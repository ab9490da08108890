"""Background tasks: one that ends is restarted with a growing pause, and the probe knows."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from mltask_operator.kube.errors import ApiError, Unreachable, Unreadable
from mltask_operator.runtime.supervisor import LONGEST_PAUSE, UNSOUND_AFTER, Supervisor
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

ENDS = [
    None,
    ApiError(500, "InternalError", "no"),
    Unreachable("no answer"),
    Unreadable("the API server's answer is no JSON"),
    ValueError("Expecting value"),
    KeyError("uid"),
    RecursionError(),
    MemoryError(),
    asyncio.CancelledError(),
    TimeoutError(),
]


class Work:
    """Ends a few times in a given way, and then goes on for ever."""

    def __init__(self, end: BaseException | None, times: int, seconds: float = 0) -> None:
        self.starts: list[float] = []
        self._end = end
        self._times = times
        self._seconds = seconds

    async def __call__(self) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        if len(self.starts) > self._times:
            await asyncio.Event().wait()
        await asyncio.sleep(self._seconds)
        if self._end:
            raise self._end


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor(asyncio.get_running_loop().time)
    yield made
    await made.stop()


@pytest.mark.parametrize("end", ENDS, ids=repr)
async def test_a_task_that_ends_in_any_way_is_restarted(
    supervisor: Supervisor, end: BaseException | None
) -> None:
    work = Work(end, times=3)
    supervisor.start("resync", work)
    await let_pass(60)
    assert work.starts == [0, 1, 3, 7], "the pause grows"
    supervisor.check()


async def test_the_pause_is_bounded_and_the_probe_fails_after_minutes(
    supervisor: Supervisor,
) -> None:
    work = Work(ValueError(), times=10**6)
    supervisor.start("resync", work)
    await let_pass(UNSOUND_AFTER.total_seconds() - 1)
    supervisor.check()
    await let_pass(10 * LONGEST_PAUSE.total_seconds())
    assert work.starts[-1] - work.starts[-2] == LONGEST_PAUSE.total_seconds()
    with pytest.raises(RuntimeError, match="background task resync has failed"):
        supervisor.check()


async def test_a_task_that_recovers_is_sound_again(supervisor: Supervisor) -> None:
    work = Work(ValueError(), times=9)
    supervisor.start("resync", work)
    await let_pass(UNSOUND_AFTER.total_seconds() + 10)
    with pytest.raises(RuntimeError):
        supervisor.check()
    await let_pass(10 * 60)
    supervisor.check()


async def test_failures_that_are_far_apart_do_not_add_up(supervisor: Supervisor) -> None:
    work = Work(ValueError(), times=3, seconds=600)
    supervisor.start("resync", work)
    await let_pass(3600)
    assert [after - before for before, after in pairwise(work.starts)] == [601, 601, 601]


async def test_the_others_go_on(supervisor: Supervisor) -> None:
    other = Work(None, times=0)
    supervisor.start("look", other)
    supervisor.start("resync", Work(ValueError(), times=10**6))
    await let_pass(60)
    assert len(other.starts) == 1


async def test_a_stop_ends_all_of_them(supervisor: Supervisor) -> None:
    work = Work(ValueError(), times=10**6)
    supervisor.start("resync", work)
    await let_pass(10)
    await supervisor.stop()
    starts = len(work.starts)
    await let_pass(600)
    assert len(work.starts) == starts
