"""What the quota queue does with far more of anything than a real namespace has."""

import pytest

from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.lifecycle.quota_demand import COMMON, MAX_RESOURCES, demand_of_task
from mltask_operator.runtime.quota_holds import MAX_QUOTAS as MAX_QUOTAS_OF_A_RESOURCE
from mltask_operator.runtime.quota_queue import MAX_QUOTAS
from tests.unit.waiting_tasks import PODS, TOO_LARGE, Room, a_quota, a_waiting_task

OLD = a_waiting_task("old", age=100)
YOUNG = a_waiting_task("young", age=10)


@pytest.fixture
def room() -> Room:
    return Room({"high": 1000})


def made_up(count: int, prefix: str = "r") -> tuple[str, ...]:
    return tuple(f"example.org/{prefix}{number}" for number in range(count))


def exceeded(*resources: str, quota: str = "devices") -> QuotaExcess:
    return QuotaExcess(quota=quota, resources=frozenset(resources), never_fits=False)


# Resources of one demand


@pytest.mark.parametrize("count", [1, 30, MAX_RESOURCES, MAX_RESOURCES + 1, 1000])
def test_a_demand_has_a_bounded_size(count: int) -> None:
    requests = dict.fromkeys(made_up(count), "1")
    demand = demand_of_task({"resources": {"requests": {"cpu": "1", **requests}}})
    assert len(demand.resources) <= MAX_RESOURCES + len(COMMON)
    assert {"pods", "cpu", "memory"} <= demand.resources


def test_a_demand_within_the_bound_competes_for_each_of_its_resources(room: Room) -> None:
    many = a_waiting_task("many", age=50, resources=made_up(MAX_RESOURCES))
    room.refuse(many, excess=exceeded(*made_up(MAX_RESOURCES)))
    last = a_waiting_task("last", resources=made_up(MAX_RESOURCES)[-1:])
    assert room.may_ask(YOUNG, last) == ["young"]


def test_demands_beyond_the_bound_compete_with_each_other(room: Room) -> None:
    first = a_waiting_task("first", age=50, resources=made_up(1000))
    second = a_waiting_task("second", age=5, resources=made_up(1000, "s"))
    small = a_waiting_task("small", resources=made_up(3))
    room.refuse(first, excess=exceeded("requests.example.org/r1"))
    assert room.may_ask(second, small, YOUNG) == ["small", "young"]


def test_a_demand_beyond_the_bound_still_competes_for_pods(room: Room) -> None:
    many = a_waiting_task("many", age=50, resources=made_up(1000))
    room.refuse(many, excess=PODS)
    assert room.may_ask(YOUNG) == []
    room.queue.leave(many.uid)
    room.refuse(YOUNG, excess=PODS)
    assert room.may_ask(a_waiting_task("many-2", resources=made_up(1000))) == []


# Quotas


def test_many_quotas_of_one_resource_still_block(room: Room) -> None:
    number = 3 * MAX_QUOTAS_OF_A_RESOURCE
    for n in range(number):
        task = a_waiting_task(f"t{n:03}", age=1000 - n, resources=("gpu", f"example.org/r{n}"))
        room.refuse(task, excess=exceeded("requests.gpu", quota=f"q{n}"))
    after = a_waiting_task("after", resources=("gpu",))
    for n in range(number):
        behind = room.queue.behind(after)
        assert behind is not None
        assert f"t{n:03}" in behind
        room.queue.leave(f"t{n:03}")
    assert room.may_ask(after) == ["after"]


def test_quotas_beyond_the_bound_are_left_out(room: Room) -> None:
    room.refuse(OLD)
    for n in range(2 * MAX_QUOTAS):
        room.queue.note_quota("ADDED", a_quota(f"q{n}", used=5))
    for n in range(2 * MAX_QUOTAS):
        room.queue.note_quota("MODIFIED", a_quota(f"q{n}", used=4))
    assert 0 < len(room.wakes()) <= MAX_QUOTAS
    room.release()
    assert room.wakes() == ["old"]


# Tasks that ask for more than a quota holds


def test_after_a_change_the_too_large_ask_one_after_another(room: Room) -> None:
    tasks = [a_waiting_task(f"t{n}", age=100 - n) for n in range(4)]
    room.refuse(*tasks, excess=TOO_LARGE)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=30))
    assert room.wakes() == ["t0"]
    room.refuse(tasks[0], excess=TOO_LARGE)
    assert room.wakes() == ["t1"]
    room.queue.leave("t1")
    assert room.wakes() == ["t2"]
    room.refuse(tasks[2], excess=PODS)
    assert "t3" in room.wakes()
    room.refuse(tasks[3], excess=TOO_LARGE)
    assert room.wakes() == []
    assert room.may_ask(*tasks) == ["t0", "t1", "t2", "t3"]


def test_a_change_while_they_ask_has_them_ask_once_more(room: Room) -> None:
    tasks = [a_waiting_task(f"t{n}", age=100 - n) for n in range(2)]
    room.refuse(*tasks, excess=TOO_LARGE)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=30))
    room.refuse(tasks[0], excess=TOO_LARGE)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=40))
    room.refuse(tasks[1], excess=TOO_LARGE)
    room.wakes()
    assert room.is_released(tasks[0])
    room.refuse(tasks[0], excess=TOO_LARGE)
    assert not any(room.is_released(task) for task in tasks)


# More lines than one search looks at


def test_lines_beyond_one_search_are_found_by_the_next(room: Room) -> None:
    blocked = [
        a_waiting_task(f"b{n:03}", age=500 - n, resources=("gpu", f"example.org/r{n}"))
        for n in range(200)
    ]
    first = a_waiting_task("first", age=1000, resources=("gpu",))
    room.refuse(first, excess=exceeded("requests.gpu"))
    room.park(*blocked)
    free = a_waiting_task("free", resources=("tpu",))
    room.park(free)
    for _ in range(10):
        room.queue.wake_all()
    assert set(room.wakes()) == {"free"}


# Forgetting a namespace


def test_a_release_is_not_missed_when_the_namespace_is_forgotten_meanwhile() -> None:
    woken: list[str] = []
    room = Room()
    queue = room.queue
    elsewhere = a_waiting_task("elsewhere", namespace="team-b")
    queue.note_quota("ADDED", a_quota(used=20, namespace="team-b"))
    before = queue.releases("team-b")
    queue.note_quota("DELETED", a_quota(used=20, namespace="team-b"))
    queue.refuse(elsewhere, PODS, before)
    woken += room.wakes()
    assert woken == ["elsewhere"]
    assert room.is_released(elsewhere)


def test_a_namespace_that_was_forgotten_begins_without_a_release() -> None:
    room = Room()
    elsewhere = a_waiting_task("elsewhere", namespace="team-b")
    room.queue.note_quota("ADDED", a_quota(used=20, namespace="team-b"))
    room.queue.note_quota("DELETED", a_quota(used=20, namespace="team-b"))
    room.refuse(elsewhere)
    assert room.wakes() == []
    assert not room.is_released(elsewhere)
    room.queue.note_quota("ADDED", a_quota(used=20, namespace="team-b"))
    room.release(namespace="team-b")
    assert room.wakes() == ["elsewhere"]


def test_only_namespaces_in_which_tasks_wait_are_counted(room: Room) -> None:
    elsewhere = a_waiting_task("elsewhere", namespace="team-b")
    room.refuse(OLD)
    room.park(YOUNG)
    room.refuse(elsewhere, excess=TOO_LARGE)
    assert room.queue.waiting() == {OLD.namespace: 2, "team-b": 1}
    room.refuse(elsewhere)
    room.queue.leave(OLD.uid)
    assert room.queue.waiting() == {OLD.namespace: 1, "team-b": 1}
    room.queue.leave(elsewhere.uid)
    room.queue.leave(YOUNG.uid)
    assert room.queue.waiting() == {}
