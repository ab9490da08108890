"""Who may ask for quota next, when it is woken, and whom it keeps waiting."""

import itertools

import pytest

from tests.unit.pods import NAMESPACE
from tests.unit.waiting_tasks import (
    PODS,
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


# The order


def test_where_nobody_waits_everybody_may_ask(room: Room) -> None:
    assert room.may_ask(OLD, YOUNG) == ["old", "young"]


def test_the_oldest_comes_first(room: Room) -> None:
    room.refuse(MIDDLE)
    assert room.may_ask(OLD, MIDDLE, YOUNG) == ["old", "middle"]
    room.park(YOUNG)
    room.refuse(OLD)
    assert room.may_ask(OLD, MIDDLE, YOUNG) == ["old"]


def test_higher_priority_comes_before_age(room: Room) -> None:
    room.refuse(OLD)
    assert room.may_ask(URGENT) == ["urgent"]
    room.refuse(URGENT)
    assert room.may_ask(OLD, URGENT) == ["urgent"]


def test_lower_priority_comes_after_those_without_one(room: Room) -> None:
    lowly = a_waiting_task("lowly", age=1000, priority_class="low")
    room.refuse(YOUNG)
    assert room.may_ask(lowly) == []


def test_of_one_age_the_name_decides(room: Room) -> None:
    a, b = a_waiting_task("a"), a_waiting_task("b")
    room.refuse(b)
    assert room.may_ask(a, b) == ["a", "b"]
    room.refuse(a)
    assert room.may_ask(a, b) == ["a"]


def test_who_waits_is_told_for_which_quota_and_after_whom(room: Room) -> None:
    room.refuse(OLD)
    assert room.queue.behind(YOUNG) == (
        "waits for quota compute after old, which is of higher priority or older"
    )


def test_where_the_quota_is_unknown_only_the_first_is_told(room: Room) -> None:
    room.refuse(OLD, excess=None)
    assert room.queue.behind(YOUNG) == (
        "waits for quota after old, which is of higher priority or older"
    )


def test_namespaces_have_nothing_to_do_with_each_other(room: Room) -> None:
    elsewhere = a_waiting_task("elsewhere", namespace="team-b")
    room.refuse(OLD)
    assert room.may_ask(elsewhere) == ["elsewhere"]
    room.refuse(elsewhere)
    room.queue.note_quota(None, a_quota(used=8, namespace="team-b"))
    room.wakes()
    room.release(namespace="team-b")
    assert room.wakes() == ["elsewhere"]
    assert not room.is_released(OLD)


# When quota is released


def test_nobody_is_woken_before(room: Room) -> None:
    room.refuse(OLD)
    room.park(MIDDLE, YOUNG)
    assert room.wakes() == []
    assert not room.is_released(OLD)


def test_the_first_is_woken_alone(room: Room) -> None:
    room.refuse(OLD)
    room.park(YOUNG, MIDDLE)
    room.release()
    assert room.wakes() == ["old"]
    assert room.is_released(OLD)
    assert not room.is_released(MIDDLE)


def test_when_it_has_its_pod_the_next_is(room: Room) -> None:
    room.refuse(OLD)
    room.park(MIDDLE, YOUNG)
    room.release()
    room.wakes()
    room.queue.leave(OLD.uid)
    assert room.wakes() == ["middle"]


def test_who_is_refused_again_keeps_its_place_and_ends_the_round(room: Room) -> None:
    room.refuse(OLD)
    room.park(MIDDLE, YOUNG)
    room.release()
    room.queue.leave(OLD.uid)
    room.wakes()
    room.refuse(MIDDLE)
    assert room.wakes() == []
    assert not room.is_released(MIDDLE)
    room.release()
    assert room.wakes() == ["middle"]


def test_a_thousand_that_wait_cost_one_refusal_for_each_release(room: Room) -> None:
    tasks = [a_waiting_task(f"t{n:04}", age=1000 - n) for n in range(1000)]
    room.refuse(tasks[0])
    room.park(*tasks[1:])
    asked = []
    for admitted in range(20):
        room.release()
        for _ in range(2):  # one gets the room that was released, the next is refused
            [turn] = set(room.wakes())
            asked.append(turn)
            if turn == tasks[admitted].uid:
                room.queue.leave(turn)
            else:
                room.refuse(tasks[admitted + 1])
        assert room.wakes() == []
    assert asked == list(itertools.chain(*((f"t{n:04}", f"t{n + 1:04}") for n in range(20))))


def test_a_release_while_the_request_is_under_way_is_not_missed(room: Room) -> None:
    room.park(OLD, YOUNG)
    before = room.queue.releases(NAMESPACE)
    room.release()
    room.wakes()
    room.queue.refuse(OLD, PODS, before)
    assert room.wakes() == ["old"]
    assert room.is_released(OLD)


def test_who_leaves_lets_the_next_go_on(room: Room) -> None:
    # Whoever comes next may ask for less.
    room.refuse(OLD)
    room.park(MIDDLE, YOUNG)
    room.queue.leave(OLD.uid)
    assert room.wakes() == ["middle"]
    assert room.may_ask(MIDDLE, YOUNG) == ["middle"]


def test_who_leaves_from_the_midst_changes_nothing_for_the_first(room: Room) -> None:
    room.refuse(OLD)
    room.park(MIDDLE, YOUNG)
    room.queue.leave(MIDDLE.uid)
    assert room.wakes() == []
    assert not room.is_released(OLD)
    room.queue.leave(OLD.uid)
    assert room.wakes() == ["young"]


def test_who_leaves_twice_or_was_never_there_is_no_matter(room: Room) -> None:
    room.queue.leave("unknown")
    room.refuse(OLD)
    room.queue.leave(OLD.uid)
    room.queue.leave(OLD.uid)
    assert room.may_ask(OLD, YOUNG) == ["old", "young"]
    assert not room.is_released(OLD)


def test_whoever_is_parked_twice_stands_there_once(room: Room) -> None:
    room.refuse(OLD)
    room.park(YOUNG, YOUNG, OLD)
    room.queue.leave(YOUNG.uid)
    room.queue.leave(OLD.uid)
    assert room.wakes() == []


# What a watch says of quotas


def test_what_is_first_seen_of_a_quota_is_no_release(room: Room) -> None:
    room.refuse(OLD)
    room.queue.note_quota("ADDED", a_quota("new", used=0))
    assert room.wakes() == []


@pytest.mark.parametrize(
    ("kind", "change", "wakes"),
    [
        ("MODIFIED", a_quota(used=19), ["old"]),
        (None, a_quota(used=19), ["old"]),
        ("MODIFIED", a_quota(used=20), []),
        ("MODIFIED", a_quota(used=21), []),
        ("MODIFIED", a_quota(used=20, hard=21), ["old"]),
        ("DELETED", a_quota(used=20), ["old"]),
    ],
    ids=["less is used", "less, after a watch began anew", "nothing", "more", "raised", "deleted"],
)
def test_change_of_a_quota(room: Room, kind: str | None, change: dict[str, object],
                           wakes: list[str]) -> None:  # fmt: skip
    room.refuse(OLD)
    room.queue.note_quota(kind, change)
    assert room.wakes() == wakes


def test_a_quota_that_is_made_anew_is_another_one(room: Room) -> None:
    room.refuse(OLD)
    room.queue.note_quota("DELETED", a_quota(used=20))
    room.refuse(OLD)
    room.wakes()
    room.queue.note_quota("ADDED", a_quota(used=0))
    assert room.wakes() == []


# When priorities change


def test_another_order_wakes_who_is_first_now(room: Room) -> None:
    room.refuse(OLD)
    room.park(a_waiting_task("later", priority_class="new"))
    room.priorities["new"] = 5
    room.queue.wake_all()
    assert room.wakes() == ["later"]


def test_the_same_order_wakes_nobody_in_vain(room: Room) -> None:
    room.refuse(OLD)
    room.park(YOUNG)
    room.queue.wake_all()
    assert room.wakes() == []
