"""What is known of a task, from watches that lag and answers that overtake them."""

import pytest

from mltask_operator.kube.errors import Unreadable
from mltask_operator.lifecycle.observed import Refusal, RefusalKind
from mltask_operator.runtime.store import Store
from tests.unit.bodies import deleted, pod_body, task_body
from tests.unit.clock import Clock
from tests.unit.known import listing, seen, task_in, versions
from tests.unit.pods import NAMESPACE, NOW, OWNER, UID

GONE_WITH_WRITE = {**deleted(0), "finalizers": None}

# The newest wins


def test_nothing_is_known_of_what_was_never_seen(store: Store) -> None:
    assert store.observe(UID) is None


def test_newer_states_replace_older_ones(store: Store) -> None:
    assert store.record_task(task_body(10)) == UID
    assert store.record_task(task_body(11, status={"phase": "Running"})) == UID
    assert task_in(store).status.phase == "Running"


def test_older_states_are_no_news(store: Store) -> None:
    # 100 is newer than 99, though not as text.
    store.record_task(task_body(100, status={"phase": "Running"}))
    store.record_pod(pod_body(100))
    for late in (99, 100):
        assert store.record_task(task_body(late)) is None
        assert store.record_pod(pod_body(late, status={"phase": "Running"})) is None
    assert task_in(store).status.phase == "Running"
    assert versions(store) == ["100"]


def test_pods_are_told_oldest_attempt_first(store: Store) -> None:
    for attempt in (10, 2, 1):
        store.record_pod(pod_body(20, attempt=attempt))
    assert [pod.attempt for pod in seen(store).pods] == [1, 2, 10]


def test_a_pod_alone_makes_its_owner_known(store: Store) -> None:
    assert store.record_pod(pod_body()) == UID
    assert (seen(store).owner.uid, seen(store).task, seen(store).is_task_gone) == (UID, None, False)


def test_pods_that_are_not_ours_are_ignored(store: Store) -> None:
    foreign = pod_body(metadata={"labels": {"app": "web"}, "ownerReferences": None})
    assert store.record_pod(foreign) is None
    assert store.record_pod_removed(foreign) is None
    assert len(store) == 0


def test_a_pod_in_another_namespace_takes_nothing_over(store: Store) -> None:
    forged = pod_body(20, uid="forged", metadata={"namespace": "team-b"})
    store.record_pod(forged)
    store.record_task(task_body(10))
    assert seen(store).owner.namespace == NAMESPACE
    assert seen(store).pods == ()
    more = forged | {"metadata": {**forged["metadata"], "uid": "more"}}
    assert store.record_pod(more) != UID
    assert seen(store).pods == ()


def test_a_pod_in_another_namespace_hides_no_pod_of_the_task(store: Store) -> None:
    forged = pod_body(20, uid="forged", metadata={"namespace": "team-b"})
    store.record_pod(forged)
    store.record_pod(pod_body(21))
    store.record_task(task_body(10))
    store.record_pod(pod_body(22))
    assert versions(store) == ["22"]
    assert store.record_pod_removed(forged) is None
    assert versions(store) == ["22"]


@pytest.mark.parametrize(
    "claim",
    [
        {"name": "x/y"},
        {"name": "../../../../../api/v1/namespaces/kube-system/secrets/x"},
        {"name": "?watch=true"},
        {"name": ""},
        {"name": "a" * 64},
        {"uid": "../x"},
    ],
)
def test_a_pod_whose_claim_no_task_can_fulfil_belongs_to_nobody(
    store: Store, claim: dict[str, str]
) -> None:
    pod = pod_body(20, uid="forged")
    pod["metadata"]["ownerReferences"][0] |= claim
    key = store.record_pod(pod)
    assert key == "forged"
    forged = store.observe(key)
    assert forged is not None
    assert forged.is_task_gone


def test_an_object_that_cannot_be_read_is_read_again(store: Store) -> None:
    later = task_body(10)
    later["metadata"]["creationTimestamp"] = "in the year of the rabbit"
    with pytest.raises(Unreadable, match="rabbit"):
        store.record_task(later, is_certain=True)
    assert (seen(store).task, seen(store).is_task_gone) == (None, False)
    store.record_task(task_body(11), is_certain=True)
    assert task_in(store).resource_version == "11"


def test_that_a_pod_was_told_to_end_before_it_ended_is_kept(store: Store) -> None:
    store.record_pod(pod_body(20, metadata=deleted(30), status={"phase": "Running"}))
    for version in (21, 22):
        store.record_pod(pod_body(version, metadata=deleted(0), status={"phase": "Succeeded"}))
        assert seen(store).pods[0].was_told_to_end, version


def test_a_status_of_a_later_version_is_left_alone(store: Store) -> None:
    store.record_task(task_body(10, status={"phase": "Paused"}))
    assert task_in(store).unknown is not None


def test_a_task_that_went_does_not_come_back(store: Store, clock: Clock) -> None:
    # By a listing that was under way when it went.
    store.record_task(task_body(10))
    store.record_task_removed(UID)
    for _ in range(3):
        assert store.record_task(task_body(10)) is None
        store.retain(listing(5), listing(6))
        clock.pass_seconds(20)
    assert store.observe(UID) is None


def test_an_old_task_that_nobody_knew_is_to_be_asked_for(store: Store, clock: Clock) -> None:
    # By a listing that lags, it may have gone long ago.
    store.record_task(task_body(10))
    store.record_task_removed(UID)
    clock.pass_seconds(61)
    store.record_task(task_body(11, uid="another"), is_certain=True)
    store.record_task_removed("another")
    assert store.record_task(task_body(10)) == UID
    for _ in range(2):
        assert (seen(store).task, seen(store).is_task_gone) == (None, False)
        store.retain(listing(30), listing(31, UID))
    store.record_task(task_body(10), is_certain=True)
    assert task_in(store).resource_version == "10"


def test_what_an_old_task_came_to_is_taken_from_whoever_tells(store: Store, clock: Clock) -> None:
    clock.pass_seconds(61)
    store.record_task(task_body(10, status={"phase": "Succeeded"}))
    assert task_in(store).status.is_finished


def test_tasks_of_one_name_and_two_uids_are_two_tasks(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_task_removed(UID)
    assert store.record_task(task_body(11, uid="made-anew")) == "made-anew"
    assert store.observe(UID) is None


# Gone stays gone


def test_a_removed_pod_does_not_come_back_by_a_late_event(store: Store) -> None:
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    # The answer to the write that takes the finalizer off; it gives the object no new version.
    store.record_pod_written(pod_body(20, metadata=GONE_WITH_WRITE))
    assert store.record_pod(pod_body(21, metadata=deleted(0))) is None
    assert versions(store) == []


def test_a_pod_whose_removal_is_under_way_is_there_until_it_has_gone(store: Store) -> None:
    # The API server removes in two steps what the kubelet deletes, and a watch shows both.
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    assert store.record_pod(pod_body(21, metadata=GONE_WITH_WRITE)) == UID
    assert versions(store) == ["21"]
    assert store.record_pod_removed(pod_body(22, metadata=GONE_WITH_WRITE)) == UID
    assert versions(store) == []


def test_a_pod_that_a_request_did_not_find_does_not_come_back(store: Store) -> None:
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    store.record_pod_missing(OWNER, "pod-1")
    assert store.record_pod(pod_body(21)) is None
    assert versions(store) == []


def test_the_next_attempt_is_not_taken_for_the_pod_that_went(store: Store) -> None:
    store.record_pod(pod_body(20))
    store.record_pod_missing(OWNER, "pod-1")
    assert store.record_pod(pod_body(22, attempt=2)) == UID
    assert versions(store) == ["22"]


def test_a_task_that_a_request_did_not_find_does_not_come_back(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_task_gone(OWNER)
    assert store.record_task(task_body(11)) is None
    assert (seen(store).task, seen(store).is_task_gone) == (None, True)


def test_a_refusal_is_forgotten_once_the_task_is_suspended(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_refusal(UID, Refusal(kind=RefusalKind.QUOTA, message="no", at=NOW))
    store.record_task(task_body(11))
    assert seen(store).refusal is not None
    store.record_task(task_body(12, status={"phase": "Suspended"}))
    store.record_task(task_body(13))
    assert seen(store).refusal is None


def test_removals_of_the_unknown_are_no_news(store: Store) -> None:
    assert store.record_task_removed(UID) is None
    assert store.record_pod_removed(pod_body()) is None
    store.record_task_gone(OWNER)
    store.record_pod_missing(OWNER, "pod-1")
    refusal = Refusal(kind=RefusalKind.QUOTA, message="no", at=NOW)
    store.record_refusal(UID, refusal)
    assert len(store) == 0


# Nothing is kept of what is gone


def test_a_task_and_its_pod_leave_nothing_behind(store: Store) -> None:
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    assert store.record_task_removed(UID) == UID
    store.record_pod_written(pod_body(20, metadata=GONE_WITH_WRITE))
    assert len(store) == 1, "the watch may still show the Pod as it was"
    assert store.record_pod_removed(pod_body(21)) is None
    assert len(store) == 0


def test_a_task_that_was_not_found_is_kept_until_the_watch_shows_it(store: Store) -> None:
    store.record_task(task_body())
    store.record_task_gone(OWNER)
    assert len(store) == 1
    assert store.record_task_removed(UID) is None
    assert len(store) == 0


def test_an_answer_that_the_watch_has_overtaken_leaves_nothing_behind(store: Store) -> None:
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    store.record_pod(pod_body(22, attempt=2))
    store.record_pod_removed(pod_body(21))
    store.record_pod_written(pod_body(20, metadata=GONE_WITH_WRITE))
    store.record_task_removed(UID)
    store.record_task_gone(OWNER)
    assert store.record_pod_removed(pod_body(23, attempt=2)) is None
    assert len(store) == 0


def test_a_finished_task_is_kept_without_its_pod(store: Store) -> None:
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    assert store.record_pod_removed(pod_body(21)) == UID
    assert (versions(store), len(store)) == ([], 1)
