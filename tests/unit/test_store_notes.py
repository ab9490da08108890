"""What is noted beside the objects themselves: refusals, since when a state stands, who waits."""

from datetime import datetime
from typing import Any

import pytest

from mltask_operator.lifecycle.observed import Refusal, RefusalKind
from mltask_operator.runtime.store import Store
from tests.unit.bodies import STARTED, Json, container, pod_body, task_body
from tests.unit.clock import Clock
from tests.unit.known import seen
from tests.unit.pods import NOW, OWNER, UID, seconds

RUNNING_PROXY = container("proxy", running={"startedAt": STARTED})
WAITING_FOR_QUOTA = {"phase": "Pending", "reason": "QuotaExceeded"}


def test_refusals_are_counted_until_there_is_a_pod(store: Store) -> None:
    store.record_task(task_body())
    for _ in range(3):
        store.record_refusal(UID, Refusal(kind=RefusalKind.QUOTA, message="no", at=NOW))
    refusal = seen(store).refusal
    assert refusal is not None
    assert refusal.count == 3
    store.record_pod(pod_body())
    assert seen(store).refusal is None


# Since when its Pod is in its state


def waits(reason: str, message: str = "") -> Json:
    return container(waiting={"reason": reason, "message": message})


@pytest.mark.parametrize(
    ("before", "after", "is_another"),
    [
        ({}, {"phase": "Running"}, True),
        ({"phase": "Running"}, {"phase": "Running"}, False),
        ({}, {"containerStatuses": [waits("ContainerCreating")]}, True),
        (
            {"containerStatuses": [waits("ContainerCreating")]},
            {"containerStatuses": [waits("ErrImagePull")]},
            True,
        ),
        (
            {"containerStatuses": [waits("ErrImagePull", "a")]},
            {"containerStatuses": [waits("ErrImagePull", "b")]},
            False,
        ),
        (
            {"containerStatuses": [waits("ContainerCreating"), container("proxy")]},
            {"containerStatuses": [waits("ContainerCreating"), RUNNING_PROXY]},
            True,
        ),
        (
            {"initContainerStatuses": [container("a", running={"startedAt": STARTED})]},
            {
                "initContainerStatuses": [
                    container("a", terminated={"exitCode": 0}),
                    container("b", running={"startedAt": STARTED}),
                ]
            },
            False,
        ),
    ],
    ids=[
        "another phase",
        "the same",
        "something to wait for",
        "something else to wait for",
        "other words for it",
        "a first container that runs",
        "a further step",
    ],
)
def test_a_state_is_another(
    store: Store, clock: Clock, before: Json, after: Json, *, is_another: bool
) -> None:
    store.record_pod(pod_body(20, status=before))
    clock.pass_seconds(1)
    store.record_pod(pod_body(21, status=after))
    assert seen(store).changed_at == NOW + seconds(1 if is_another else 0)


def test_the_next_pod_begins_anew(store: Store, clock: Clock) -> None:
    def changed_after(version: int, **pod: Any) -> datetime | None:
        clock.pass_seconds(1)
        store.record_pod(pod_body(version, **pod))
        return seen(store).changed_at

    assert changed_after(20) == NOW + seconds(1)
    assert changed_after(21, spec={"nodeName": "n1"}) == NOW + seconds(1)
    assert changed_after(23, attempt=2) == NOW + seconds(3)


def test_a_copy_of_the_pod_changes_nothing(store: Store, clock: Clock) -> None:
    store.record_pod(pod_body(20))
    clock.pass_seconds(1)
    copy = {"name": "copy", "uid": "copy"}
    store.record_pod(pod_body(21, status={"phase": "Running"}, metadata=copy))
    assert seen(store).changed_at == NOW


# When it was last reported


def test_only_our_own_writes_are_reports(store: Store, clock: Clock) -> None:
    store.record_task(task_body(10))
    assert seen(store).reported_at is None
    clock.pass_seconds(5)
    store.record_report(task_body(11, status={"phase": "Running"}))
    assert seen(store).reported_at == NOW + seconds(5)
    clock.pass_seconds(5)
    store.record_task(task_body(12, status={"phase": "Running"}))
    assert seen(store).reported_at == NOW + seconds(5)


def test_a_report_is_the_newest_state(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_report(task_body(11, status={"phase": "Running"}))
    store.record_task(task_body(10))
    task = seen(store).task
    assert task is not None
    assert task.status.phase == "Running"


# For whom there is something to do, when the operator begins to act

FINISHED = {"phase": "Succeeded", "attempts": 1}


@pytest.mark.parametrize(
    ("status", "ttl", "has_pod", "is_settled"),
    [
        (FINISHED, None, False, True),
        (FINISHED, None, True, False),
        (FINISHED, 0, False, False),
        (FINISHED, 60, False, False),
        ({"phase": "Suspended"}, None, False, False),
        ({"phase": "Pending"}, 60, True, False),
    ],
    ids=["finished", "its Pod is there", "expires", "expires later", "suspended", "open"],
)
def test_a_finished_task_is_left_alone(
    store: Store, status: Json, ttl: int | None, *, has_pod: bool, is_settled: bool
) -> None:
    body = task_body(status=status)
    body["spec"] = {**body["spec"], "ttlSecondsAfterFinished": ttl}
    store.record_task(body)
    if has_pod:
        store.record_pod(pod_body())
    assert store.unsettled() == ([] if is_settled else [UID])


def test_a_pod_whose_task_was_never_seen_is_something_to_do(store: Store) -> None:
    store.record_pod(pod_body())
    assert store.unsettled() == [UID]


# Who waits for quota, when the operator starts


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (WAITING_FOR_QUOTA, True),
        ({"phase": "Pending"}, False),
        ({"phase": "Pending", "reason": "BackingOff"}, False),
        ({"phase": "Failed", "reason": "QuotaExceeded"}, False),
    ],
)
def test_who_waits_for_quota_says_status(store: Store, status: Json, *, waits: bool) -> None:
    store.record_task(task_body(status=status))
    assert [task.uid for task in store.waiting_for_quota()] == ([UID] if waits else [])


def test_who_has_a_pod_or_is_gone_does_not(store: Store) -> None:
    store.record_task(task_body(10, status=WAITING_FOR_QUOTA))
    store.record_pod(pod_body(20))
    assert store.waiting_for_quota() == []
    store.record_pod_missing(OWNER, "pod-1")
    assert len(store.waiting_for_quota()) == 1
    store.record_task_gone(OWNER)
    assert store.waiting_for_quota() == []


@pytest.mark.parametrize("forged", [{"namespace": "team-b"}, {"name": "other-1"}])
def test_a_forged_pod_hides_no_task(store: Store, forged: dict[str, str]) -> None:
    owner = {**pod_body(20)["metadata"]["ownerReferences"][0], "name": "other"}
    store.record_pod(pod_body(20, uid="forged", metadata={**forged, "ownerReferences": [owner]}))
    # It was seen before the task, which was then asked for by the name that the Pod gave it.
    store.record_task_gone(OWNER)
    assert store.record_task(task_body(10)) == UID
    observed = store.observe(UID)
    assert observed is not None
    assert observed.task is not None
    assert not observed.is_task_gone


def test_a_task_that_is_gone_stays_gone(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_task_gone(OWNER)
    assert store.record_task(task_body(11)) is None
