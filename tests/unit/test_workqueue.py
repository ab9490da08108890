"""The queue of keys, on a clock that leaps: which is worked on when, and never twice at once."""

import pytest

from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.pods import seconds
from tests.unit.virtual_time import VirtualTimeLoop, let_pass
from tests.unit.work import WORKERS, Work

loop_factory = VirtualTimeLoop

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
