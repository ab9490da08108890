"""The cost of the quota queue's operations, counted in lines of Python.

A count is the same in each run, however busy the machine is.
"""

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from mltask_operator.lifecycle.observed import QuotaExcess, Task
from tests.unit.waiting_tasks import FOR_HIGH, TOO_LARGE, Room, a_quota, a_waiting_task

FEW, MANY = 100, 1000
GROWTH = 2
"""Ten times the tasks may cost this many times the work: the logarithm grows by half."""


def lines_of(action: Callable[[], object]) -> int:
    """Return how many lines of Python the action executes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


def device(number: int) -> str:
    return f"example.org/d{number}"


def exceeded(resource: str) -> QuotaExcess:
    resources = frozenset({f"requests.{resource}"})
    return QuotaExcess(quota="compute", resources=resources, never_fits=False)


class Crowd:
    """A namespace in which this many tasks wait, each of them for another device."""

    def __init__(self, size: int, *, shared: bool = False) -> None:
        """Make it; with `shared` all need one device too, and so all wait behind the first."""
        self.room = Room()
        self.used = size
        common = ("gpu",) if shared else ()
        self.tasks = [
            a_waiting_task(f"t{n:05}", age=size - n, resources=(device(n), *common))
            for n in range(size)
        ]
        if shared:
            self.refuse(0, shared=True)
            self.room.park(*self.tasks[1:])
        else:
            for number in range(size):
                self.refuse(number)
        # What is done once for each task that came is not the cost of what follows.
        for _ in range(size):
            self.room.queue.wake_all()
        self.room.wakes()

    def refuse(self, number: int, *, shared: bool = False) -> None:
        resource = "gpu" if shared else device(number)
        self.room.refuse(self.tasks[number], excess=exceeded(resource))

    def release(self) -> None:
        self.used -= 1
        self.room.queue.note_quota("MODIFIED", a_quota(used=self.used, hard=10**6))


def young() -> Task:
    return a_waiting_task("young", age=-1, resources=("example.org/new", "gpu"))


def every_operation(size: int, *, shared: bool) -> Iterator[tuple[str, int]]:
    """Yield each operation's name and its cost in a crowd of this size."""
    crowd = Crowd(size, shared=shared)
    queue, middle = crowd.room.queue, crowd.tasks[size // 2]
    yield "behind", lines_of(lambda: queue.behind(young()))
    yield "park", lines_of(lambda: queue.park(young()))
    yield "is_released", lines_of(lambda: queue.is_released("young", middle.namespace))
    yield "leave the end", lines_of(lambda: queue.leave("young"))
    crowd.release()
    yield "refuse", lines_of(lambda: crowd.refuse(0, shared=shared))
    yield "release", lines_of(crowd.release)
    yield "leave the midst", lines_of(lambda: queue.leave(middle.uid))
    yield "leave the front", lines_of(lambda: queue.leave(crowd.tasks[0].uid))
    yield "refuse for good", lines_of(lambda: crowd.room.refuse(crowd.tasks[3], excess=TOO_LARGE))
    yield "wake_all", lines_of(queue.wake_all)
    yield "waiting", lines_of(queue.waiting)
    scoped = a_quota(used=0, hard=10**6, selectors=FOR_HIGH)
    yield "change of scope", lines_of(lambda: queue.note_quota("MODIFIED", scoped))


@pytest.mark.parametrize("shared", [False, True], ids=["different devices", "one shared device"])
def test_no_operation_costs_more_than_the_logarithm(*, shared: bool) -> None:
    few = dict(every_operation(FEW, shared=shared))
    many = dict(every_operation(MANY, shared=shared))
    grown = {name: (few[name], many[name]) for name in few if many[name] > GROWTH * few[name]}
    assert not grown


def test_a_larger_quota_costs_the_same_however_many_are_too_large() -> None:
    def cost(size: int) -> int:
        room = Room()
        room.refuse(*(a_waiting_task(f"t{n}") for n in range(size)), excess=TOO_LARGE)
        larger = a_quota(used=20, hard=30)
        return lines_of(lambda: room.queue.note_quota("MODIFIED", larger))

    assert cost(MANY) <= GROWTH * cost(FEW)


def test_other_namespaces_cost_nothing() -> None:
    def cost(size: int) -> int:
        crowd = Crowd(size)
        room = crowd.room
        room.queue.note_quota("ADDED", a_quota(used=20, namespace="team-b"))
        room.refuse(*(a_waiting_task(f"l{n}") for n in range(size)), excess=TOO_LARGE)

        def everything() -> None:
            task = a_waiting_task("other", namespace="team-b")
            room.refuse(task)
            room.queue.behind(task)
            room.release(namespace="team-b")
            room.refuse(task, excess=TOO_LARGE)
            room.queue.note_quota("MODIFIED", a_quota(used=1, hard=30, namespace="team-b"))
            room.queue.leave(task.uid)

        return lines_of(everything)

    assert cost(MANY) == cost(FEW)
