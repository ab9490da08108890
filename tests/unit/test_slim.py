"""Slim objects: the store makes the same of them, and they don't grow with what users write."""

import json
from dataclasses import replace
from typing import Any

import pytest

from mltask_operator.kube import parse
from mltask_operator.kube.slim import LARGE_TASK, OMITTED, slim_pod, slim_task, slimmer_for
from tests.unit.bodies import pod_body, task_body
from tests.unit.builders import SPEC

Json = dict[str, Any]

NOISE: Json = {
    "managedFields": [{"fieldsV1": {"f:x": {}}}] * 50,
    "annotations": {"note": "x" * 10_000},
    "labels": {f"label-{n}": "x" for n in range(500)},
    "ownerReferences": [{"name": f"o{n}", "uid": "u", "kind": "X"} for n in range(500)],
    "finalizers": [f"example.com/f{n}" for n in range(500)],
}
RULES = {
    "backoffLimit": 3,
    "backoff": {"baseSeconds": 5},
    "activeDeadlineSeconds": 60,
    "suspend": True,
    "steps": [{"name": "a", "args": ["x" * 5000]}, {"name": "b"}],
    "onOutOfMemory": {"maxMemory": "4Gi"},
    "resources": {"requests": {"memory": "1Gi", "cpu": "1"}, "limits": {"nvidia.com/gpu": "1"}},
    "template": {"spec": {"priorityClassName": "high", "volumes": [{"name": "v"}] * 500}},
}


def size(body: Json) -> int:
    return len(json.dumps(body))


def noisy(body: Json) -> Json:
    """Return the object with much in its metadata that says nothing about its life."""
    labels = {**NOISE["labels"], **(body["metadata"].get("labels") or {})}
    owners = [*NOISE["ownerReferences"], *(body["metadata"].get("ownerReferences") or [])]
    finalizers = [*NOISE["finalizers"], *(body["metadata"].get("finalizers") or [])]
    metadata = {**NOISE, **body["metadata"], "labels": labels, "ownerReferences": owners}
    return {**body, "metadata": {**metadata, "finalizers": finalizers}}


@pytest.mark.parametrize("phase", ["Pending", "Running", "Suspended", "Succeeded", "Failed"])
@pytest.mark.parametrize("is_large", [True, False])
def test_a_slim_task_is_the_same_task(phase: str, *, is_large: bool) -> None:
    body = noisy(task_body(10, status={"phase": phase}))
    body["spec"] = {**SPEC, **RULES}
    slim = slim_task(body, LARGE_TASK if is_large else LARGE_TASK - 1)
    assert parse.task_from(slim) == parse.task_from(body)
    is_finished = phase in ("Succeeded", "Failed")
    assert (OMITTED in slim) is (is_large and not is_finished)
    if is_large or is_finished:
        assert size(slim) < 2000
    else:
        assert slim["spec"] == body["spec"]


def test_a_slim_task_stays_the_same() -> None:
    body = task_body(10)
    body["spec"] = {**SPEC, **RULES}
    for length in (0, LARGE_TASK):
        slim = slim_task(body, length)
        assert slim_task(slim, 0) == slim


def test_a_slim_pod_is_the_same_pod() -> None:
    body = pod_body(20, status={"phase": "Running", "conditions": [], "hostIPs": ["x"] * 500})
    body["spec"] = {**body["spec"], "nodeName": "n1", "volumes": [{"name": "v"}] * 500}
    body = noisy(body)
    owner = parse.owner_from(body)
    assert owner is not None
    slim = slim_pod(body)
    assert parse.owner_from(slim) == owner
    assert parse.pod_from(slim, owner) == parse.pod_from(body, owner)
    assert parse.is_labelled(slim)
    assert size(slim) < 2000


def test_a_pod_that_another_finalizer_holds_is_not_gone() -> None:
    body = pod_body(20)
    ending = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
    body["metadata"] |= {**ending, "finalizers": ["example.com/a", "example.com/b"]}
    assert not parse.is_removed(slim_pod(body))
    body["metadata"]["finalizers"] = None
    assert parse.is_removed(slim_pod(body))


def test_objects_are_slimmed_by_their_collection() -> None:
    quota = {"metadata": {"name": "q", "annotations": NOISE}, "spec": {"hard": {"pods": "1"}}}
    slim = slimmer_for("/api/v1/namespaces/team-a/resourcequotas")(quota, 0)
    assert (slim["spec"], slim["metadata"]["name"]) == (quota["spec"], "q")
    assert size(slim) < 200
    pods = slimmer_for("/api/v1/pods")(pod_body(20), 0)
    assert pods == slim_pod(pod_body(20))
    tasks = slimmer_for("/apis/mltask.dev/v1alpha1/mltasks")(task_body(10), LARGE_TASK)
    assert tasks[OMITTED]


@pytest.mark.parametrize(
    "changes",
    [
        {"deletionGracePeriodSeconds": 2**62},
        {"deletionTimestamp": "36812-02-20T00:36:16Z", "deletionGracePeriodSeconds": 2**40},
        {"deletionTimestamp": "0001-01-01T00:00:00Z"},
        {"deletionTimestamp": "not a time"},
    ],
)
def test_no_time_of_a_deletion_is_too_odd(changes: Json) -> None:
    body = pod_body(20)
    body["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", **changes}
    owner = parse.owner_from(body)
    assert owner is not None
    pod = parse.pod_from(body, owner)
    assert pod.is_being_deleted
    assert pod.deletion_asked_at is not None
    assert replace(pod, deletion_asked_at=pod.deletion_asked_at + pod.deletion_grace)
