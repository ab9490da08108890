"""What is known, held against complete listings: they tell what went while no watch did."""

from mltask_operator.runtime.store import Store
from tests.unit.bodies import pod_body, task_body
from tests.unit.known import listing, seen, task_in, versions
from tests.unit.pods import OWNER, UID


def test_what_a_listing_shows_is_kept(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_pod(pod_body(20))
    assert store.retain(listing(30, "pod-1"), listing(31, UID)) == []
    assert versions(store) == ["20"]


def test_what_a_listing_does_not_show_has_gone(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_pod(pod_body(20))
    assert store.retain(listing(30), listing(31)) == [UID]
    assert (versions(store), seen(store).is_task_gone) == ([], True)


def test_what_is_newer_than_a_listing_is_kept(store: Store) -> None:
    store.record_task(task_body(40))
    store.record_pod(pod_body(41))
    assert store.retain(listing(30), listing(31)) == []
    assert versions(store) == ["41"]
    assert task_in(store).resource_version == "40"


def test_a_task_that_was_never_seen_is_not_gone_because_a_listing_lacks_it(store: Store) -> None:
    store.record_pod(pod_body(20))
    assert store.retain(listing(30, "pod-1"), listing(31)) == []
    assert not seen(store).is_task_gone
    assert store.record_task(task_body(40)) == UID


def test_what_a_listing_dropped_does_not_come_back_by_a_late_event(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_pod(pod_body(20))
    store.retain(listing(30), listing(31))
    assert store.record_task(task_body(11)) is None
    assert store.record_pod(pod_body(21)) is None


def test_a_task_that_a_listing_dropped_stays_gone_even_without_pods(store: Store) -> None:
    store.record_task(task_body(10))
    store.retain(listing(30), listing(31))
    assert store.record_task(task_body(11)) is None
    assert seen(store).is_task_gone


def test_what_no_watch_shows_any_more_is_forgotten_after_further_listings(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_pod(pod_body(20))
    store.retain(listing(30), listing(31))
    assert len(store) == 1
    for version in (40, 50):
        assert store.retain(listing(version), listing(version)) == []
    assert len(store) == 0


def test_what_a_request_did_not_find_outlives_one_listing(store: Store) -> None:
    store.record_task(task_body(10))
    store.record_task_gone(OWNER)
    store.retain(listing(30), listing(31))
    assert store.record_task(task_body(11)) is None
    assert len(store) == 1


def test_a_pod_that_the_leader_read_after_its_removal_leaves_nothing_behind(store: Store) -> None:
    store.verifies_removals = True
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    store.record_task_removed(UID)
    assert store.record_pod_removed(pod_body(21)) == UID
    assert seen(store).pods[0].is_doubtful
    store.record_pod_missing(OWNER, "pod-1")
    assert len(store) == 0


def test_a_pod_that_is_there_after_all_is_not_doubtful(store: Store) -> None:
    store.verifies_removals = True
    store.record_task(task_body())
    store.record_pod(pod_body(20))
    store.record_pod_removed(pod_body(21))
    store.record_pod(pod_body(22), is_certain=True)
    [pod] = seen(store).pods
    assert (pod.is_doubtful, pod.is_removal_shown) == (False, False)
