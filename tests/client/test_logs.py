"""Whose logs are read, in which order, and what is there without a Pod."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from mltask import AsyncClient, Client, Refused
from mltask.logs import started
from tests.client.bodies import Json, a_task, body
from tests.unit.api_server import ApiServer

STAMP = b"2026-11-26T12:00:00.000000000Z"
RUNNING = {"running": {"startedAt": "2026-11-26T12:00:00Z"}}
ENDED = {"terminated": {"exitCode": 0}}
STEPS = {"steps": [{"name": "prepare"}, {"name": "train"}, {"name": "last"}]}


def pod(attempt: int = 1, **states: Json) -> Json:
    return {
        "metadata": {
            "name": f"train-{attempt}",
            "uid": f"uid-{attempt}",
            "resourceVersion": "5",
            "labels": {"mltask.dev/attempt": str(attempt)},
        },
        "status": {
            "containerStatuses": [{"name": name, "state": state} for name, state in states.items()]
        },
    }


def test_steps_that_have_started_are_read_in_their_order() -> None:
    there = [pod(prepare=ENDED, train=RUNNING, last={"waiting": {}})]
    assert list(started(a_task(spec=STEPS), there)) == [
        ("train-1", "prepare"),
        ("train-1", "train"),
    ]


def test_earlier_attempts_come_first_and_sidecars_are_left_out() -> None:
    there = [pod(2, main=RUNNING), pod(1, sidecar=RUNNING, main=ENDED)]
    assert list(started(a_task(), there)) == [("train-1", "main"), ("train-2", "main")]


async def read(client: AsyncClient, *, follow: bool = False) -> str:
    return "".join([piece async for piece in client.logs("train", follow=follow)])


def play(
    server: ApiServer, tasks: list[Json], pods: list[list[Json]], logs: dict[str, Any]
) -> None:
    """Have the server show these states, one for each listing or watch; the last one stays."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith("/log"):
            text = logs.get(path.split("/")[-2])
            if text is None:
                return web.json_response({"message": "not found"}, status=404)
            if text == 500:
                return web.json_response({"message": "no answer"}, status=500)
            if "timestamps" in request.query:
                text = b"".join(b"%b %b" % (STAMP, line) for line in text.splitlines(keepends=True))
            return web.Response(body=text)
        if path.endswith("/mltasks/train"):
            asked.append(path)
            return web.json_response(tasks[min(len(asked), len(tasks)) - 1])
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            if path.endswith("/mltasks"):
                for task in tasks[1:]:
                    event = {"type": "MODIFIED", "object": task}
                    await stream.write(json.dumps(event).encode() + b"\n")
            await asyncio.Event().wait()
        items = (
            tasks[:1] if path.endswith("/mltasks") else pods.pop(0) if len(pods) > 1 else pods[0]
        )
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    server.answer = answer


async def test_the_log_of_a_pod_that_is_there(client: AsyncClient, server: ApiServer) -> None:
    play(server, [body(phase="Running")], [[pod(main=RUNNING)]], {"train-1": "größe\n".encode()})
    assert await read(client) == "größe\n"


async def test_who_reads_no_further_ends_the_request(
    server: ApiServer, kubeconfig: Path, caplog: pytest.LogCaptureFixture
) -> None:
    play(server, [body(phase="Running")], [[pod(main=RUNNING)]], {"train-1": b"epoch 1\n"})

    def first_piece() -> str:
        with Client(kubeconfig=str(kubeconfig), namespace="team-a") as client:
            for piece in client.logs("train", follow=True):
                return piece
        return ""

    assert await asyncio.to_thread(first_piece) == "epoch 1\n"
    # The server may log that somebody hung up, and that is what this is about.
    told = [record for record in caplog.records if record.name != "aiohttp.server"]
    assert told == [], "nothing was left open"


async def test_a_log_whose_client_was_closed_can_be_closed(
    server: ApiServer, kubeconfig: Path
) -> None:
    play(server, [body(phase="Running")], [[pod(main=RUNNING)]], {"train-1": b"epoch 1\n"})

    def close_first() -> None:
        with Client(kubeconfig=str(kubeconfig), namespace="team-a") as client:
            pieces = client.logs("train", follow=True)
            assert next(pieces) == "epoch 1\n"
            client.close()
            pieces.close()

    await asyncio.to_thread(close_first)


async def test_what_is_kept_of_a_pod_that_is_gone(client: AsyncClient, server: ApiServer) -> None:
    play(server, [body(phase="Failed", logTail="no data\n")], [[]], {})
    assert await read(client) == "no data\n"


async def test_a_node_that_has_no_answer_for_a_finished_task_does_not_matter(
    client: AsyncClient, server: ApiServer
) -> None:
    failed = body(phase="Failed", podName="train-1", logTail="no data\n")
    play(server, [failed, failed], [[pod(main=ENDED)]], {"train-1": 500})
    assert await read(client) == "no data\n"
    assert await read(client, follow=True) == "no data\n"


async def test_a_node_that_has_no_answer_for_a_running_task_is_told(
    client: AsyncClient, server: ApiServer
) -> None:
    play(server, [body(phase="Running")], [[pod(main=RUNNING)]], {"train-1": 500})
    with pytest.raises(Refused, match=r"no answer\. Try again"):
        await read(client)


async def test_following_ends_with_the_task(client: AsyncClient, server: ApiServer) -> None:
    states = [body(phase="Running"), body(phase="Succeeded", podName="train-1", version=2)]
    play(server, states, [[pod(main=RUNNING)]], {"train-1": b"epoch 1\nepoch 2\n"})
    assert await read(client, follow=True) == "epoch 1\nepoch 2\n"


async def test_following_a_pod_that_went_too_soon_gives_what_is_kept(
    client: AsyncClient, server: ApiServer
) -> None:
    failed = body(phase="Failed", podName="train-1", version=2, logTail="no data\n")
    play(server, [body(), failed], [[]], {})
    assert await read(client, follow=True) == "no data\n"
