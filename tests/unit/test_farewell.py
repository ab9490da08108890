"""Letting go of Pods where no operator is left to do so."""

import json
from typing import Any

import pytest

from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.farewell import let_go_of_pods
from tests.fake_api import FakeApi

Json = dict[str, Any]


def a_pod(name: str) -> Json:
    """Return a Pod of a task as the operator makes it."""
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "name": "t", "uid": "t"}
    return {
        "metadata": {
            "namespace": "team-a",
            "name": name,
            "labels": {"mltask.dev/task": "t", "mltask.dev/task-uid": "t"},
            "ownerReferences": [{**owner, "controller": True}],
            "finalizers": ["mltask.dev/tracking"],
        },
        "spec": {},
    }


class Answering(FakeApi):
    """Refuses every patch with one error."""

    def __init__(self, error: ApiError) -> None:
        super().__init__()
        self._error = error

    async def release_pod(
        self, namespace: str, name: str, uid: str, *, is_being_deleted: bool = False
    ) -> Json:
        raise self._error


async def test_every_pod_is_let_go_of_once() -> None:
    api = FakeApi()
    for name in ("t-t-1", "t-t-2"):
        await api.create_pod("team-a", json.dumps(a_pod(name)))
    assert await let_go_of_pods(api, [None]) == 2
    assert [pod["metadata"]["finalizers"] for pod in api.pods.values()] == [[], []]
    assert await let_go_of_pods(api, [None]) == 0


async def test_where_only_deleted_pods_are_let_go_of_the_others_are_held() -> None:
    api = FakeApi()
    for name in ("t-t-1", "t-t-2"):
        await api.create_pod("team-a", json.dumps(a_pod(name)))
    gone = api.pods["team-a", "t-t-1"]["metadata"]
    await api.delete_pod("team-a", "t-t-1", gone["uid"])
    assert await let_go_of_pods(api, [None], only_deleted=True) == 1
    [held] = [pod["metadata"] for pod in api.pods.values() if pod["metadata"]["finalizers"]]
    assert held["name"] == "t-t-2"


async def test_a_pod_that_went_meanwhile_is_no_fault_and_not_counted() -> None:
    words = "metadata.uid: Invalid value: field is immutable"
    api = Answering(ApiError(422, "Invalid", words, subject="t-t-1"))
    await api.create_pod("team-a", json.dumps(a_pod("t-t-1")))
    assert await let_go_of_pods(api, [None]) == 0


async def test_a_pod_that_could_not_be_let_go_of_is_told() -> None:
    api = Answering(ApiError(403, "Forbidden", "no"))
    await api.create_pod("team-a", json.dumps(a_pod("t-t-1")))
    with pytest.raises(ApiError):
        await let_go_of_pods(api, [None])
