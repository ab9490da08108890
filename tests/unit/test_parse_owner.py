"""Whose a Pod is, and whether it has gone with a write of ours."""

import pytest

from mltask_operator.kube.parse import is_owned_by, is_removed, owner_from, pod_from, version_of
from mltask_operator.lifecycle.observed import Owner, Pod
from tests.unit.bodies import ENDED, Json, deleted, pod_body
from tests.unit.pods import NAME, NAMESPACE, UID


def parsed(body: Json) -> Pod:
    owner = owner_from(body)
    assert owner is not None
    return pod_from(body, owner)


# Whose a Pod is


OWNER = Owner(namespace=NAMESPACE, name=NAME, uid=UID)
ORPHANED: Json = {"ownerReferences": None}


def test_the_controller_says_whose_a_pod_is() -> None:
    assert owner_from(pod_body()) == OWNER


@pytest.mark.parametrize("labels", [None, {}, {"mltask.dev/task": "x", "mltask.dev/attempt": "9"}])
def test_labels_that_somebody_changed_do_not(labels: Json | None) -> None:
    body = pod_body(metadata={"labels": labels})
    assert owner_from(body) == OWNER
    assert (parsed(body).attempt, parsed(body).is_genuine) == (1, True)


def test_an_orphaned_pod_is_known_by_its_labels() -> None:
    assert owner_from(pod_body(metadata=ORPHANED)) == OWNER
    assert not parsed(pod_body(metadata=ORPHANED)).is_owned


@pytest.mark.parametrize("labels", [None, {}, {"mltask.dev/task-uid": UID}])
def test_without_owner_and_labels_a_pod_is_not_ours(labels: Json | None) -> None:
    assert owner_from(pod_body(metadata={**ORPHANED, "labels": labels})) is None


def test_a_pod_with_another_controller_is_not_ours() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "j", "controller": True}
    assert owner_from(pod_body(metadata={"ownerReferences": [job]})) is None


@pytest.mark.parametrize(
    "references",
    [None, [], [{"uid": "other", "controller": True}], [{"uid": UID}]],
    ids=["null", "none", "of another", "not the controller"],
)
def test_owner_is_the_controller_alone(references: list[Json] | None) -> None:
    assert not is_owned_by(pod_body(metadata={"ownerReferences": references}), UID)
    assert is_owned_by(pod_body(), UID)


# Gone with the write


@pytest.mark.parametrize(
    ("metadata", "gone"),
    [
        ({}, False),
        ({"finalizers": None}, False),
        (deleted(0), False),
        ({**deleted(30), "finalizers": None}, False),
        ({**deleted(0), "finalizers": ["example.org/other"]}, False),
        ({**deleted(0), "finalizers": None}, True),
        ({**deleted(0), "finalizers": []}, True),
        ({"deletionTimestamp": ENDED, "finalizers": None}, True),
    ],
)
def test_removed_is_deleted_with_nothing_that_holds_it(metadata: Json, *, gone: bool) -> None:
    assert is_removed(pod_body(metadata=metadata)) is gone


def test_versions_compare_as_numbers() -> None:
    assert version_of(pod_body(99)) < version_of(pod_body(100))
