"""Who does not keep others waiting for quota, and who stands where after a restart."""

import itertools

import pytest

from mltask_operator.lifecycle.observed import QuotaExcess, Task
from tests.unit.waiting_tasks import (
    FOR_HIGH,
    GPUS,
    PODS,
    TOO_LARGE,
    Room,
    a_quota,
    a_waiting_task,
)

OLD = a_waiting_task("old", age=100)
MIDDLE = a_waiting_task("middle", age=50)
YOUNG = a_waiting_task("young", age=10)
URGENT = a_waiting_task("urgent", age=1, priority_class="high")
WITH_GPU = a_waiting_task("gpu", age=70, resources=("cpu", "nvidia.com/gpu"))


@pytest.fixture
def room() -> Room:
    return Room({"high": 1000, "low": -10})


# Too large for the quota ever to hold


def test_the_too_large_keep_nobody_waiting(room: Room) -> None:
    room.refuse(OLD, excess=TOO_LARGE)
    assert room.may_ask(OLD, YOUNG) == ["old", "young"]


def test_nor_does_one_that_was_first_before_it_was_known(room: Room) -> None:
    room.park(OLD, YOUNG)
    assert room.may_ask(YOUNG) == []
    room.refuse(OLD, excess=TOO_LARGE)
    assert room.may_ask(YOUNG) == ["young"]
    assert room.wakes() == ["young"]


def test_no_release_concerns_them(room: Room) -> None:
    room.refuse(OLD, excess=TOO_LARGE)
    room.release()
    assert room.wakes() == []
    assert not room.is_released(OLD)


def test_they_wait_for_another_quota_and_need_no_turn(room: Room) -> None:
    room.refuse(YOUNG, excess=TOO_LARGE)
    room.park(YOUNG)
    room.refuse(OLD)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=40))
    assert sorted(room.wakes()) == ["old", "young"]
    assert room.is_released(YOUNG)
    assert room.may_ask(YOUNG) == ["young"]


def test_a_quota_that_is_deleted_was_too_small_for_nobody(room: Room) -> None:
    room.refuse(OLD, excess=TOO_LARGE)
    room.queue.note_quota("DELETED", a_quota(used=20))
    assert room.wakes() == ["old"]
    assert room.is_released(OLD)


def test_another_namespaces_quota_is_no_matter_to_them(room: Room) -> None:
    room.refuse(OLD, excess=TOO_LARGE)
    room.queue.note_quota("ADDED", a_quota(used=1, namespace="team-b"))
    room.queue.note_quota("MODIFIED", a_quota(used=1, hard=99, namespace="team-b"))
    assert room.wakes() == []


def test_one_that_fits_by_now_queues_like_the_others(room: Room) -> None:
    room.refuse(YOUNG, excess=TOO_LARGE)
    room.refuse(OLD)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=40))
    room.refuse(YOUNG)
    assert room.may_ask(OLD, YOUNG) == ["old"]


def test_one_that_is_gone_is_woken_no_more(room: Room) -> None:
    room.refuse(OLD, excess=TOO_LARGE)
    room.queue.leave(OLD.uid)
    room.queue.note_quota("MODIFIED", a_quota(used=20, hard=40))
    assert room.wakes() == []


# Other resources


def test_who_needs_a_gpu_keeps_nobody_waiting_who_needs_none(room: Room) -> None:
    room.refuse(WITH_GPU, excess=GPUS)
    assert room.may_ask(YOUNG) == ["young"]
    more = a_waiting_task("gpu-2", resources=("cpu", "nvidia.com/gpu"))
    assert room.may_ask(more) == []


def test_what_all_need_is_waited_for_by_all(room: Room) -> None:
    room.refuse(WITH_GPU, excess=PODS)
    assert room.may_ask(YOUNG) == []
    room.refuse(OLD)
    assert room.may_ask(WITH_GPU) == []


@pytest.mark.parametrize(
    "resource",
    ["pods", "count/pods", "cpu", "requests.cpu", "limits.cpu", "requests.memory", "limits.memory"],
)
def test_what_a_limit_range_may_add_to_any_pod_is_needed_by_all(room: Room, resource: str) -> None:
    gpu_alone = a_waiting_task("other", age=200, resources=("nvidia.com/gpu",))
    excess = QuotaExcess(quota="compute", resources=frozenset({resource}), never_fits=False)
    room.refuse(gpu_alone, excess=excess)
    assert room.may_ask(YOUNG) == []


def test_one_release_may_let_in_one_of_each_line(room: Room) -> None:
    room.refuse(WITH_GPU, excess=GPUS)
    room.refuse(YOUNG)
    room.release("gpus")
    assert room.wakes() == ["gpu"]
    room.refuse(WITH_GPU, excess=GPUS)
    assert room.wakes() == ["young"]
    room.refuse(YOUNG)
    assert room.wakes() == []


def test_of_several_lines_that_may_ask_the_oldest_is_the_first(room: Room) -> None:
    room.refuse(YOUNG)
    room.refuse(WITH_GPU, excess=GPUS)
    room.release()
    assert room.wakes() == ["gpu"]


def test_a_line_that_was_behind_another_goes_on_when_that_is_empty(room: Room) -> None:
    room.refuse(OLD)
    room.park(WITH_GPU)
    room.queue.leave(OLD.uid)
    assert room.wakes() == ["gpu"]


def test_a_quota_for_some_priorities_keeps_no_others_waiting(room: Room) -> None:
    room.queue.note_quota("MODIFIED", a_quota(used=20, selectors=FOR_HIGH))
    room.refuse(URGENT)
    assert room.may_ask(OLD) == ["old"]
    same = a_waiting_task("same", priority_class="high", resources=("cpu", "nvidia.com/gpu"))
    assert room.may_ask(same) == []


def test_a_refusal_without_words_keeps_only_its_like_waiting(room: Room) -> None:
    room.refuse(WITH_GPU, excess=None)
    assert room.may_ask(YOUNG) == ["young"]
    assert room.may_ask(a_waiting_task("gpu-2", resources=("cpu", "nvidia.com/gpu"))) == []


# After a restart: status says who waits, in no order


@pytest.mark.parametrize("order", list(itertools.permutations([OLD, MIDDLE, URGENT])))
def test_those_who_waited_before_have_their_order_again(order: tuple[Task, ...]) -> None:
    room = Room({"high": 1000})
    room.park(*order)
    assert room.may_ask(OLD, MIDDLE, YOUNG, URGENT) == ["urgent"]
    room.queue.leave(URGENT.uid)
    assert room.may_ask(OLD, MIDDLE, YOUNG) == ["old"]


def test_their_messages_tell_what_they_wait_for(room: Room) -> None:
    gpu = a_waiting_task(
        "gpu",
        age=70,
        resources=("cpu", "nvidia.com/gpu"),
        message="exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, "
        "used: requests.nvidia.com/gpu=8, limited: requests.nvidia.com/gpu=8",
    )
    room.park(gpu)
    assert room.may_ask(YOUNG) == ["young"]


def test_where_no_message_tells_it_all_wait_until_the_first_has_asked(room: Room) -> None:
    room.park(a_waiting_task("gpu", age=70, resources=("cpu", "nvidia.com/gpu"), message="?"))
    assert room.may_ask(YOUNG) == []
    room.refuse(WITH_GPU, excess=GPUS)
    assert room.may_ask(YOUNG) == ["young"]


def test_one_who_waited_after_another_waits_for_the_same(room: Room) -> None:
    room.refuse(WITH_GPU, excess=GPUS)
    after = ("cpu", "nvidia.com/gpu", "example.org/fpga")
    room.park(a_waiting_task("after", age=50, resources=after, message="waits after gpu"))
    assert room.may_ask(YOUNG) == ["young"]
