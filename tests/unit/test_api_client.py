"""Requests as they go over the wire, and what becomes of the answers."""

import json

import pytest
from aiohttp import web

from mltask_operator import __version__
from mltask_operator.kube import api as api_module
from mltask_operator.kube.api import Api, pods_path, tasks_path
from mltask_operator.kube.errors import ApiError
from tests.unit.api_server import ApiServer, Json


def sent(server: ApiServer) -> tuple[str, str, Json | None]:
    """Return method, target and body of the only request."""
    [request] = server.requests
    return request.method, request.target, json.loads(request.body) if request.body else None


POD = "/api/v1/namespaces/team-a/pods/train-1"

# Requests


async def test_answer_is_returned_as_it_came(api: Api, server: ApiServer) -> None:
    server.answer = server.says({"kind": "Pod", "new-field": 1})
    assert await api.get_pod("team-a", "train-1") == {"kind": "Pod", "new-field": 1}
    assert sent(server) == ("GET", POD, None)


async def test_requests_say_who_sends_them(api: Api, server: ApiServer) -> None:
    await api.get_task("team-a", "train")
    [request] = server.requests
    assert request.headers["User-Agent"] == f"mltask-operator/{__version__}"
    assert request.headers["Authorization"] == "Bearer first"


async def test_create(api: Api, server: ApiServer) -> None:
    manifest = {"kind": "Pod", "metadata": {"namespace": "team-a", "name": "train-1"}}
    await api.create_pod(manifest)
    assert sent(server) == ("POST", "/api/v1/namespaces/team-a/pods", manifest)
    assert server.requests[0].headers["Content-Type"] == "application/json"


async def test_create_event(api: Api, server: ApiServer) -> None:
    event = {"kind": "Event", "metadata": {"namespace": "team-a", "name": "train.uid.1.failed"}}
    await api.create_event(event)
    assert sent(server) == ("POST", "/api/v1/namespaces/team-a/events", event)


@pytest.mark.parametrize("code", [401, 409])
async def test_an_event_that_is_refused_is_one_request(
    api: Api, server: ApiServer, code: int
) -> None:
    server.answer = server.says({"reason": "No", "message": "no"}, code)
    with pytest.raises(ApiError) as raised:
        await api.create_event({"metadata": {"namespace": "team-a", "name": "x"}})
    assert raised.value.code == code
    assert len(server.requests) == 1


async def test_delete_is_of_one_uid(api: Api, server: ApiServer) -> None:
    await api.delete_pod("team-a", "train-1", "uid-1")
    assert sent(server) == ("DELETE", POD, {"preconditions": {"uid": "uid-1"}})


async def test_release_takes_one_finalizer_off_the_pod_of_one_uid(
    api: Api, server: ApiServer
) -> None:
    await api.release_pod("team-a", "train-1", "uid-1")
    metadata = {
        "uid": "uid-1",
        "$deleteFromPrimitiveList/finalizers": ["mltask.dev/tracking"],
    }
    assert sent(server) == ("PATCH", POD, {"metadata": metadata})
    content_type = server.requests[0].headers["Content-Type"]
    assert content_type == "application/strategic-merge-patch+json"


async def test_of_a_pod_that_goes_nobody_need_know_who_owns_which_field(
    api: Api, server: ApiServer
) -> None:
    await api.release_pod("team-a", "train-1", "uid-1", is_being_deleted=True)
    _, _, patch = sent(server)
    assert patch is not None
    assert patch["metadata"]["managedFields"] == [{}]


async def test_a_pod_that_nobody_could_store_is_refused_without_a_request(
    api: Api, server: ApiServer
) -> None:
    manifest = {"metadata": {"namespace": "team-a", "name": "x" * api_module.MAX_POD_BYTES}}
    with pytest.raises(ApiError, match="the Pod would have 1048") as raised:
        await api.create_pod(manifest)
    assert raised.value.code == 413
    assert server.requests == []


async def test_a_task_is_deleted_as_it_was_seen(api: Api, server: ApiServer) -> None:
    await api.delete_task("team-a", "train", "uid-1", "17")
    preconditions = {"uid": "uid-1", "resourceVersion": "17"}
    path = "/apis/mltask.dev/v1alpha1/namespaces/team-a/mltasks/train"
    assert sent(server) == ("DELETE", path, {"preconditions": preconditions})


async def test_labels_are_set_on_the_pod_of_one_uid(api: Api, server: ApiServer) -> None:
    await api.label_pod("team-a", "train-1", "uid-1", {"a": "b"})
    assert sent(server) == ("PATCH", POD, {"metadata": {"uid": "uid-1", "labels": {"a": "b"}}})
    assert server.requests[0].headers["Content-Type"] == "application/merge-patch+json"


async def test_priority_classes_are_of_the_whole_cluster(api: Api, server: ApiServer) -> None:
    high = {"metadata": {"name": "high"}, "value": 1000}
    server.answer = server.says({"items": [high]})
    assert await api.priority_classes() == [high]
    assert sent(server) == ("GET", "/apis/scheduling.k8s.io/v1/priorityclasses", None)


async def test_status_is_changed_at_one_version(api: Api, server: ApiServer) -> None:
    await api.patch_status("team-a", "train", "17", {"phase": "Running", "reason": None})
    path = "/apis/mltask.dev/v1alpha1/namespaces/team-a/mltasks/train/status"
    patch = {
        "metadata": {"resourceVersion": "17"},
        "status": {"phase": "Running", "reason": None},
    }
    assert sent(server) == ("PATCH", path, patch)
    # A custom resource knows no strategic merge patch.
    assert server.requests[0].headers["Content-Type"] == "application/merge-patch+json"


def test_paths_are_of_a_namespace_or_of_all() -> None:
    assert pods_path(None) == "/api/v1/pods"
    assert tasks_path(None) == "/apis/mltask.dev/v1alpha1/mltasks"
    assert tasks_path("team-a") == "/apis/mltask.dev/v1alpha1/namespaces/team-a/mltasks"


# Listings

FOLLOWING = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTB9"


async def test_listing_goes_on_where_the_last_page_ended(api: Api, server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.Response:
        is_second = request.query.get("continue") == FOLLOWING
        metadata = {"resourceVersion": "10", **({} if is_second else {"continue": FOLLOWING})}
        return web.json_response({"metadata": metadata, "items": [2 if is_second else 1]})

    server.answer = answer
    pages = [page["items"] async for page in api.pages(pods_path(None), "mltask.dev/task-uid")]
    assert pages == [[1], [2]]
    first = "/api/v1/pods?limit=500&labelSelector=mltask.dev/task-uid"
    assert [r.target for r in server.requests] == [first, f"{first}&continue={FOLLOWING}"]


async def test_listing_without_selector_is_of_everything(api: Api, server: ApiServer) -> None:
    server.answer = server.says({"metadata": {"resourceVersion": "10"}, "items": []})
    assert [page["items"] async for page in api.pages(tasks_path(None))] == [[]]
    assert server.requests[0].target == "/apis/mltask.dev/v1alpha1/mltasks?limit=500"


async def test_listing_that_has_expired_raises(api: Api, server: ApiServer) -> None:
    server.answer = server.says({"kind": "Status", "reason": "Expired", "message": "too old"}, 410)
    with pytest.raises(ApiError, match="410 Expired: too old"):
        await anext(api.pages(pods_path(None)))
