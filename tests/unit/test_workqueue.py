"""The queue of keys, on a clock that leaps: which is worked on when, and never twice at once."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.workqueue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

WORKERS = 3
GRACE = timedelta(seconds=3)


class Work:
    """Notes each call; ends it with the next of `answers`, and not while `gate` is closed."""

    def __init__(self) -> None:
        self.started: list[tuple[str, float]] = []
        self.under_way: list[str] = []
        self.most_at_once = 0
        self.most_of_one_key = 0
        self.answers: deque[timedelta | Exception | None] = deque()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, key: str) -> timedelta | None:
        self.started.append((key, asyncio.get_running_loop().time()))
        self.under_way.append(key)
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        self.most_of_one_key = max(self.most_of_one_key, self.under_way.count(key))
        try:
            await self.gate.wait()
        finally:
            self.under_way.remove(key)
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.started]

    @property
    def times(self) -> list[float]:
        """When each work was started, to a hundredth of a second."""
        return [round(time, 2) for _, time in self.started]


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def queue(work: Work) -> AsyncIterator[WorkQueue]:
    queue = WorkQueue(work, WORKERS)
    queue.start()
    yield queue
    work.gate.set()
    await queue.stop(GRACE)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


# Once, and never twice at a time


async def test_woken_keys_are_worked_on_in_order(queue: WorkQueue, work: Work) -> None:
    for key in "abcde":
        queue.wake(key)
    await let_pass()
    assert work.keys == list("abcde")


async def test_a_key_waits_once(queue: WorkQueue, work: Work) -> None:
    for key in "aabaab":
        queue.wake(key)
    await let_pass()
    assert work.keys == ["a", "b"]


async def test_a_key_woken_during_its_work_is_worked_on_once_more(
    queue: WorkQueue, work: Work
) -> None:
    work.gate.clear()
    for _ in range(4):
        queue.wake("a")
        await let_pass()
    assert work.under_way == ["a"]
    work.gate.set()
    await let_pass()
    assert work.keys == ["a", "a"]
    assert work.most_of_one_key == 1


async def test_no_more_keys_are_worked_on_than_there_are_workers(
    queue: WorkQueue, work: Work
) -> None:
    work.gate.clear()
    for key in "abcde":
        queue.wake(key)
    await let_pass()
    assert work.under_way == list("abc")
    work.gate.set()
    await let_pass()
    assert work.keys == list("abcde")
    assert work.most_at_once == WORKERS


async def test_it_is_crowded_while_keys_wait_for_a_worker(queue: WorkQueue, work: Work) -> None:
    work.gate.clear()
    crowded = []
    for key in "abcd":
        queue.wake(key)
        await let_pass(1)
        crowded.append(queue.is_crowded)
    assert crowded == [False, False, False, True]
    work.gate.set()
    await let_pass(1)
    assert not queue.is_crowded


# Later


async def test_work_may_ask_to_be_woken_later(queue: WorkQueue, work: Work) -> None:
    work.answers.append(seconds(5))
    queue.wake("a")
    await let_pass(100)
    assert work.times == [0, 5]


async def test_a_wake_comes_before_the_delay_and_replaces_it(queue: WorkQueue, work: Work) -> None:
    work.answers.append(seconds(5))
    queue.wake("a")
    await let_pass(2)
    queue.wake("a")
    await let_pass(100)
    assert work.times == [0, 2]


async def test_a_wake_during_the_work_replaces_the_delay(queue: WorkQueue, work: Work) -> None:
    work.answers.append(seconds(5))
    work.gate.clear()
    queue.wake("a")
    await let_pass(1)
    queue.wake("a")
    work.gate.set()
    await let_pass(100)
    assert work.times == [0, 1]


async def test_a_delay_that_is_over_wakes_at_once(queue: WorkQueue, work: Work) -> None:
    work.answers.append(seconds(-1))
    queue.wake("a")
    await let_pass()
    assert work.times == [0, 0]


# Failures


async def test_failed_work_is_tried_again_after_growing_pauses(
    queue: WorkQueue, work: Work
) -> None:
    work.answers.extend([OSError("no answer")] * 4)
    queue.wake("a")
    await let_pass(1000)
    first = FIRST_BACKOFF.total_seconds()
    assert work.times == [round(n * first, 2) for n in (0, 1, 3, 7, 15)]


async def test_no_pause_is_longer_than_the_longest(queue: WorkQueue, work: Work) -> None:
    work.answers.extend([OSError("no answer")] * 40)
    queue.wake("a")
    await let_pass(10_000)
    [*_, before_last, last] = [time for _, time in work.started]
    assert last - before_last == pytest.approx(LONGEST_BACKOFF.total_seconds())
    assert len(work.started) == 41


async def test_success_ends_the_growth_of_the_pauses(queue: WorkQueue, work: Work) -> None:
    error = OSError("no answer")
    work.answers.extend([error, error, error, None, error])
    queue.wake("a")
    await let_pass(100)
    queue.wake("a")
    await let_pass(100)
    assert work.times[-2:] == [100, round(100 + FIRST_BACKOFF.total_seconds(), 2)]


async def test_news_of_a_key_shortens_its_pause(queue: WorkQueue, work: Work) -> None:
    work.answers.extend([OSError("no answer")] * 10)
    queue.wake("a")
    await let_pass(30)
    tries = len(work.started)
    queue.wake("a")
    await let_pass()
    assert len(work.started) == tries + 1


async def test_a_pause_that_the_api_server_asked_for_is_kept_to(
    queue: WorkQueue, work: Work
) -> None:
    work.answers.append(ApiError(429, "TooManyRequests", "try later", retry_after=7))
    work.gate.clear()
    queue.wake("a")
    await let_pass()
    queue.wake("a")
    work.gate.set()
    await let_pass(3)
    queue.wake("a")
    await let_pass(3)
    assert work.times == [0]
    await let_pass(100)
    assert work.times == [0, 7]
    queue.wake("a")
    await let_pass()
    assert len(work.started) == 3


async def test_one_failing_key_does_not_hold_up_another(queue: WorkQueue, work: Work) -> None:
    work.answers.append(OSError("no answer"))
    queue.wake("a")
    queue.wake("b")
    await let_pass()
    assert work.keys == ["a", "b"]


@pytest.mark.parametrize(
    ("error", "has_traceback"),
    [(OSError("no answer"), False), (KeyError("metadata"), True)],
    ids=["a known fault is a line", "what nobody foresaw has a traceback"],
)
async def test_failures_are_logged(
    queue: WorkQueue,
    work: Work,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    *,
    has_traceback: bool,
) -> None:
    work.answers.append(error)
    queue.wake("a")
    await let_pass()
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"a: could not go on, next try in 0.1 s: {error}"
    assert bool(record.exc_info) is has_traceback
    assert vars(record)["task_uid"] == "a"


# How long work takes


async def test_longest_work_is_the_oldest_under_way(queue: WorkQueue, work: Work) -> None:
    assert queue.longest_work() == seconds(0)
    work.gate.clear()
    queue.wake("a")
    await let_pass(2)
    queue.wake("b")
    await let_pass(3)
    assert queue.longest_work() == pytest.approx(seconds(5), abs=seconds(0.01))
    work.gate.set()
    await let_pass()
    assert queue.longest_work() == seconds(0)


# The end


async def test_stop_waits_for_the_work_under_way(queue: WorkQueue, work: Work) -> None:
    work.gate.clear()
    queue.wake("a")
    await let_pass()
    stopping = asyncio.create_task(queue.stop(GRACE))
    await let_pass(1)
    assert not stopping.done()
    work.gate.set()
    await let_pass()
    assert stopping.done()


async def test_stop_cancels_work_that_takes_too_long(queue: WorkQueue, work: Work) -> None:
    work.gate.clear()
    queue.wake("a")
    await let_pass()
    stopping = asyncio.create_task(queue.stop(GRACE))
    await let_pass(GRACE.total_seconds() + 1)
    assert stopping.done()
    assert work.under_way == []


async def test_nothing_is_begun_after_stop(queue: WorkQueue, work: Work) -> None:
    work.answers.append(seconds(5))
    queue.wake("later")
    await let_pass()
    work.gate.clear()
    for key in "abcde":
        queue.wake(key)
    await let_pass()
    stopping = asyncio.create_task(queue.stop(GRACE))
    await let_pass()
    queue.wake("f")
    work.gate.set()
    await let_pass(100)
    assert stopping.done()
    assert work.keys == ["later", *"abc"]


async def test_nothing_is_begun_again_after_stop(queue: WorkQueue, work: Work) -> None:
    work.gate.clear()
    queue.wake("a")
    await let_pass()
    queue.wake("a")
    stopping = asyncio.create_task(queue.stop(GRACE))
    await let_pass()
    work.gate.set()
    await let_pass(100)
    assert stopping.done()
    assert work.keys == ["a"]


async def test_stop_is_at_once_where_nothing_is_under_way(queue: WorkQueue) -> None:
    await asyncio.wait_for(queue.stop(GRACE), 0.1)
