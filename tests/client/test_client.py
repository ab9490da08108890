"""What the client asks the API server, and what it makes of the answers."""

import json
from pathlib import Path

import pytest
from aiohttp import web

from mltask import (
    AlreadyFinished,
    AsyncClient,
    Client,
    NoCredentials,
    Refused,
    StillOpen,
    Unreachable,
    new_task,
)
from tests.client.bodies import ago, body
from tests.client.script import listing, refusal
from tests.unit.api_server import ApiServer, write_kubeconfig

TASKS = "/apis/mltask.dev/v1alpha1/namespaces/team-a/mltasks"


async def test_submit_checks_the_fields_and_returns_what_was_made(
    client: AsyncClient, server: ApiServer
) -> None:
    server.answer = server.says(body())
    task = await client.submit(new_task("train", "trainer:1", requests={"cpu": 1}))
    [request] = server.requests
    assert (request.method, request.target) == ("POST", f"{TASKS}?fieldValidation=Strict")
    assert "status" not in json.loads(request.body)
    assert request.headers["Authorization"] == "Bearer first"
    assert task.metadata.uid == "uid-train"


async def test_a_refusal_has_the_servers_words_and_what_to_do(
    client: AsyncClient, server: ApiServer
) -> None:
    message = 'mltasks.mltask.dev "train" already exists'
    status = {"code": 409, "reason": "AlreadyExists", "message": message}
    server.answer = server.says(status, 409)
    with pytest.raises(Refused, match=f"{message}. Choose another name") as raised:
        await client.submit(new_task("train", "trainer:1", requests={"cpu": 1}))
    assert (raised.value.code, raised.value.reason) == (409, "AlreadyExists")


async def test_a_missing_definition_is_told_apart_from_a_missing_task(
    client: AsyncClient, server: ApiServer
) -> None:
    text = "the server could not find the requested resource"
    server.answer = server.says({"reason": "NotFound", "message": text}, 404)
    with pytest.raises(Refused, match="install the Helm chart"):
        await client.get("train")


async def test_an_answer_of_somebody_else_is_told_as_it_is(
    client: AsyncClient, server: ApiServer
) -> None:
    async def proxy(_: web.Request) -> web.Response:
        return web.Response(status=502, text="Bad Gateway")

    server.answer = proxy
    with pytest.raises(Refused, match=r"Bad Gateway\. Try again in a moment"):
        await client.get("train")


async def test_a_token_that_has_ended_is_read_anew(
    client: AsyncClient, server: ApiServer, kubeconfig: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer first":
            write_kubeconfig(kubeconfig, server.url, {"token": "second"})
            return refusal(401, "Unauthorized", "Unauthorized")
        return web.json_response(body())

    server.answer = answer
    assert (await client.get("train")).metadata.name == "train"


async def test_nobody_there(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "config", "http://127.0.0.1:9")
    async with AsyncClient(kubeconfig=str(tmp_path / "config")) as client:
        with pytest.raises(Unreachable, match=r"http://127.0.0.1:9 gave no answer"):
            await client.get("train")


@pytest.mark.parametrize("text", [None, "clusters: [", "kind: Config"])
def test_no_usable_kubeconfig(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NoCredentials, match=f"no usable credentials in {file}.*Set KUBECONFIG"):
        Client(kubeconfig=str(file))


async def test_the_first_kubeconfig_that_is_there_counts(
    server: ApiServer, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{kubeconfig}")
    server.answer = server.says(listing(body()))
    async with AsyncClient() as client:
        assert client.namespace == "default"
        assert [task.metadata.name for task in await client.list("team=a")] == ["train"]
    [request] = server.requests
    assert "/namespaces/default/mltasks?limit=500&labelSelector=team%3Da" in request.target


async def test_a_listing_of_several_pages(client: AsyncClient, server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.query.get("continue") == "more":
            return web.json_response(listing(body("second")))
        first = listing(body("first"))
        first["metadata"]["continue"] = "more"
        return web.json_response(first)

    server.answer = answer
    tasks = await client.list(everywhere=True)
    assert [task.metadata.name for task in tasks] == ["first", "second"]


# Cancelling, retrying


async def test_a_finished_task_is_not_cancelled(client: AsyncClient, server: ApiServer) -> None:
    server.answer = server.says(body(phase="Succeeded"))
    with pytest.raises(AlreadyFinished, match="kubectl delete mltask"):
        await client.cancel("train")
    assert [request.method for request in server.requests] == ["GET"]


async def test_a_task_that_ends_while_it_is_cancelled_keeps_its_outcome(
    client: AsyncClient, server: ApiServer
) -> None:
    states = [body(version=1, phase="Running"), body(version=2, phase="Succeeded")]

    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(states.pop(0))
        return refusal(409, "Conflict", "the object has been modified")

    server.answer = answer
    with pytest.raises(AlreadyFinished):
        await client.cancel("train")
    sent = json.loads(server.requests[1].body)
    assert sent == {"preconditions": {"uid": "uid-train", "resourceVersion": "1"}}


async def test_an_open_task_is_not_done_again(client: AsyncClient, server: ApiServer) -> None:
    server.answer = server.says(body(phase="Running"))
    with pytest.raises(StillOpen, match="is Running and may still succeed"):
        await client.retry("train")


async def test_a_retry_is_made_of_what_the_server_sent(
    client: AsyncClient, server: ApiServer
) -> None:
    old = body(phase="Failed", spec={"novelty": 1})

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(old if request.method == "GET" else await request.json())

    server.answer = answer
    assert (await client.retry("train")).metadata.name == "train-r1"
    assert json.loads(server.requests[1].body)["spec"] == old["spec"]
    assert server.requests[1].target == f"{TASKS}?fieldValidation=Strict"


async def test_a_finished_task_of_a_newer_version_is_not_cancelled(
    client: AsyncClient, server: ApiServer
) -> None:
    server.answer = server.says(body(phase="Skipped", completionTime=ago(1)))
    with pytest.raises(AlreadyFinished, match="has Skipped already"):
        await client.cancel("train")


async def test_one_task_of_a_newer_version_hides_no_other(
    client: AsyncClient, server: ApiServer
) -> None:
    server.answer = server.says(listing(body("old"), body("new", phase="Admitted", attempts="x")))
    assert [task.status.phase for task in await client.list()] == ["Pending", "Admitted"]
