"""Requests as they go over the wire, and what becomes of the answers."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from mltask_operator import __version__
from mltask_operator.access.credentials import Credentials
from mltask_operator.kube import api as api_module
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, StrayAnswer
from mltask_operator.kube.requests import Patience
from tests.unit.api_server import ApiServer, Json


def sent(server: ApiServer) -> tuple[str, str, Json | None]:
    """Return method, target and body of the only request."""
    [request] = server.requests
    return request.method, request.target, json.loads(request.body) if request.body else None


POD = "/api/v1/namespaces/team-a/pods/train-1"

# Requests


async def test_an_object_comes_back_slim(api: Api, server: ApiServer) -> None:
    metadata = {"namespace": "team-a", "name": "train-1", "uid": "u", "managedFields": [{}]}
    server.answer = server.says({"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "n"}})
    found = await api.get_pod("team-a", "train-1")
    assert (found["metadata"]["uid"], found["spec"]) == ("u", {"nodeName": "n"})
    assert "managedFields" not in found["metadata"]
    assert sent(server) == ("GET", POD, None)


async def test_a_created_pod_comes_back_whole(api: Api, server: ApiServer) -> None:
    """The quota queue learns what admission has added."""
    admitted = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}
    metadata = {"namespace": "team-a", "name": "train-1"}
    server.answer = server.says({"kind": "Pod", "metadata": metadata, "spec": admitted})
    assert (await api.create_pod("team-a", "{}"))["spec"] == admitted


@pytest.mark.parametrize(
    "answer",
    [
        {"kind": "PodList", "items": [], "metadata": {}},
        {"kind": "Pod", "metadata": {"namespace": "team-b", "name": "train-1"}},
        {"kind": "Pod", "metadata": {"namespace": "team-a", "name": "other"}},
        {"kind": "MLTask", "metadata": {"namespace": "team-a", "name": "train-1"}},
        [],
    ],
)
async def test_an_answer_of_something_else_is_refused(
    api: Api, server: ApiServer, answer: Any
) -> None:
    server.answer = server.says(answer)
    with pytest.raises(StrayAnswer):
        await api.get_pod("team-a", "train-1")


async def test_an_answer_that_is_no_json_is_refused(
    credentials: Credentials, server: ApiServer
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>sign in</html>", content_type="text/html")

    server.answer = answer
    async with Api(credentials, patience=Patience(retry_pause=0)) as api:
        for question in (api.get_pod("team-a", "train-1"), api.list(paths.pods(None), print)):
            with pytest.raises(StrayAnswer):
                await question


@pytest.mark.parametrize(
    "name", ["x/y", "?watch=true", "../secrets/x", "%2e%2e", "", "A", "a" * 254]
)
async def test_no_request_is_made_for_a_name_that_no_object_can_have(
    api: Api, server: ApiServer, name: str
) -> None:
    for request in (
        api.get_pod("team-a", name),
        api.get_task("team-a", name),
        api.get_task(name, "train"),
        api.release_pod("team-a", name, "uid-1"),
        api.patch_status("team-a", name, "1", {}),
    ):
        with pytest.raises(paths.InvalidName):
            await request
    assert server.requests == []


async def test_requests_say_who_sends_them(api: Api, server: ApiServer) -> None:
    await api.get_task("team-a", "train")
    [request] = server.requests
    assert request.headers["User-Agent"] == f"mltask-operator/{__version__}"
    assert request.headers["Authorization"] == "Bearer first"


async def test_create(api: Api, server: ApiServer) -> None:
    manifest = {"kind": "Pod", "metadata": {"namespace": "team-a", "name": "train-1"}}
    await api.create_pod("team-a", json.dumps(manifest))
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
    server.answer = server.says({"kind": "Status", "reason": "No", "message": "no"}, code)
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
        await api.create_pod("team-a", json.dumps(manifest))
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
    server.answer = server.says({"kind": "PriorityClassList", "items": [high]})
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
    assert paths.pods(None) == "/api/v1/pods"
    assert paths.tasks(None) == "/apis/mltask.dev/v1alpha1/mltasks"
    assert paths.tasks("team-a") == "/apis/mltask.dev/v1alpha1/namespaces/team-a/mltasks"


# Listings

EMPTY_LIST = {"kind": "MLTaskList", "metadata": {"resourceVersion": "10"}, "items": []}

FOLLOWING = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MTB9"


async def test_listing_goes_on_where_the_last_page_ended(api: Api, server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.Response:
        is_second = request.query.get("continue") == FOLLOWING
        metadata = {"resourceVersion": "10", **({} if is_second else {"continue": FOLLOWING})}
        item = {"metadata": {"name": "b" if is_second else "a"}}
        return web.json_response({"kind": "PodList", "metadata": metadata, "items": [item]})

    server.answer = answer
    items: list[Json] = []
    assert await api.list(paths.pods(None), items.append, "mltask.dev/task-uid") == 10
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    queries = [parse_qs(urlsplit(request.target).query) for request in server.requests]
    assert [query["labelSelector"] for query in queries] == [["mltask.dev/task-uid"]] * 2
    assert [query.get("continue") for query in queries] == [None, [FOLLOWING]]


async def test_listing_without_selector_is_of_everything(api: Api, server: ApiServer) -> None:
    server.answer = server.says(EMPTY_LIST)
    assert await api.list(paths.tasks(None), print) == 10
    assert server.requests[0].target == "/apis/mltask.dev/v1alpha1/mltasks?limit=100"


async def test_listing_that_has_expired_raises(api: Api, server: ApiServer) -> None:
    server.answer = server.says({"kind": "Status", "reason": "Expired", "message": "too old"}, 410)
    with pytest.raises(ApiError, match="410 Expired: too old"):
        await api.list(paths.pods(None), print)
