"""Work that fails or takes too long, on a clock that leaps: pauses, log lines, and the stop."""

import asyncio
import logging

import pytest

from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.workqueue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue
from tests.unit.pods import seconds
from tests.unit.virtual_time import VirtualTimeLoop, let_pass
from tests.unit.work import GRACE, Work

loop_factory = VirtualTimeLoop

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
    assert record.getMessage() == f"a: failed, retrying in 0.1 s: {error}"
    assert bool(record.exc_info) is has_traceback
    assert vars(record)["task_uid"] == "a"


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
