"""Waiting for a task's end, whatever becomes of the watch meanwhile."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from mltask import (
    AsyncClient,
    NotFinished,
    Patience,
    Phase,
    Refused,
    TaskFailed,
    TaskGone,
    Unreadable,
    new_task,
)
from tests.client.bodies import body
from tests.client.script import Script, a_watched_task, client_with, event, listing, refusal
from tests.unit.api_server import ApiServer


async def test_wait_returns_the_task_that_succeeded(client: AsyncClient, server: ApiServer) -> None:
    Script(
        server,
        listing(body()),
        [
            event("MODIFIED", 11, phase="Running"),
            event("MODIFIED", 12, phase="Succeeded", result="42"),
        ],
    )
    finished = await client.wait(a_watched_task(), timeout=20)
    assert (finished.status.phase, finished.status.result) == (Phase.SUCCEEDED, "42")


async def test_wait_raises_with_the_evidence_of_a_failure(
    client: AsyncClient, server: ApiServer
) -> None:
    failed = body(
        phase="Failed", reason="ContainerFailed", message="exit code 3", exitCode=3, logTail="NaN\n"
    )
    Script(server, listing(failed))
    with pytest.raises(TaskFailed) as raised:
        await client.wait(a_watched_task(), timeout=20)
    error = raised.value
    assert (error.reason, error.exit_code, error.log_tail) == ("ContainerFailed", 3, "NaN\n")
    assert str(error) == (
        "MLTask team-a/train has failed: ContainerFailed: exit code 3\nThe end of its log:\nNaN"
    )


async def test_wait_is_bounded_and_tells_how_the_task_is(
    client: AsyncClient, server: ApiServer
) -> None:
    Script(server, listing(body(reason="Unschedulable", message="0/4 nodes are available")))
    with pytest.raises(
        NotFinished, match=r"not finished after 0\.2 s \(Pending, Unschedulable: 0/4"
    ):
        await client.wait(a_watched_task(), timeout=0.2)


async def test_wait_notices_a_deletion(client: AsyncClient, server: ApiServer) -> None:
    Script(server, listing(body()), [event("DELETED", 11)])
    with pytest.raises(TaskGone, match="team-a/train was deleted"):
        await client.wait(a_watched_task(), timeout=20)


async def test_wait_is_not_for_another_task_of_that_name(
    client: AsyncClient, server: ApiServer
) -> None:
    Script(server, listing(body(metadata={"uid": "other"}, phase="Succeeded")))
    with pytest.raises(TaskGone):
        await client.wait(a_watched_task(), timeout=20)


async def test_a_watch_that_ends_goes_on_where_it_ended(
    client: AsyncClient, server: ApiServer
) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}}
    script = Script(
        server,
        listing(body()),
        [event("MODIFIED", 11, phase="Running")],
        [bookmark],
        [event("MODIFIED", 16, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)
    assert script.asked == ["list", "watch from 10", "watch from 11", "watch from 15"]


@pytest.mark.parametrize("as_event", [True, False])
async def test_what_the_server_has_forgotten_is_listed_anew(
    client: AsyncClient, server: ApiServer, *, as_event: bool
) -> None:
    expired = {"code": 410, "reason": "Expired", "message": "too old resource version"}
    script = Script(
        server,
        listing(body()),
        [{"type": "ERROR", "object": expired}]
        if as_event
        else web.json_response(expired, status=410),
        listing(body(), version="20"),
        [event("MODIFIED", 21, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)
    assert script.asked == ["list", "watch from 10", "list", "watch from 20"]


async def test_a_server_that_restarts_is_waited_for(client: AsyncClient, server: ApiServer) -> None:
    unavailable = [refusal(503, "ServiceUnavailable", "shutting down") for _ in range(3)]
    Script(
        server,
        unavailable[0],
        listing(body()),
        unavailable[1],
        unavailable[2],
        listing(body(), version="20"),
        [event("MODIFIED", 21, phase="Succeeded")],
    )
    await client.wait(a_watched_task(), timeout=20)


async def test_a_server_that_stays_away_is_not_waited_for_for_ever(
    kubeconfig: Path, server: ApiServer
) -> None:
    server.answer = server.says({"message": "no"}, 503)
    async with client_with(kubeconfig, Patience(seconds=0.1, pause=0.01)) as client:
        with pytest.raises(Refused, match=r"no\. Try again in a moment"):
            await client.wait(a_watched_task(), timeout=20)


@pytest.mark.parametrize("ends_properly", [True, False])
async def test_a_quiet_watch_that_a_load_balancer_cuts_is_opened_again(
    kubeconfig: Path, server: ApiServer, *, ends_properly: bool
) -> None:
    """Patience is shorter than the whole wait, and there is no event until the end."""
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.query.get("resourceVersion"))
        if "watch" not in request.query:
            return web.json_response(listing(body(phase="Running")))
        stream = web.StreamResponse()
        await stream.prepare(request)
        if len(asked) == 8:
            done = event("MODIFIED", 11, phase="Succeeded")
            await stream.write(json.dumps(done).encode() + b"\n")
            return stream
        await asyncio.sleep(0.05)
        if not ends_properly and request.transport:
            request.transport.abort()
        return stream

    server.answer = answer
    async with client_with(kubeconfig, Patience(seconds=0.1, pause=0.01)) as client:
        await client.wait(a_watched_task(), timeout=20)
    assert asked == [None, *["10"] * 7], "nothing is listed again"


@pytest.mark.parametrize(
    "answer_of_watches",
    [
        lambda: refusal(410, "Expired", "too old resource version"),
        lambda: web.json_response({"type": "ERROR", "object": {"code": 410}}),
        lambda: web.Response(),
        lambda: web.Response(text="<html>"),
    ],
    ids=["410", "410 as an event", "nothing", "no JSON"],
)
async def test_a_server_without_watches_is_polled_ever_slower(
    kubeconfig: Path, server: ApiServer, answer_of_watches: Callable[[], web.Response]
) -> None:
    lists: list[float] = []

    async def answer(request: web.Request) -> web.Response:
        if "watch" in request.query:
            return answer_of_watches()
        lists.append(asyncio.get_running_loop().time())
        is_over = len(lists) == 6
        return web.json_response(listing(body(phase="Succeeded" if is_over else "Running")))

    server.answer = answer
    patience = Patience(seconds=0.1, pause=0.02, longest_pause=0.15)
    async with client_with(kubeconfig, patience) as client:
        await client.wait(a_watched_task(), timeout=20)
    pauses = [later - earlier for earlier, later in pairwise(lists)]
    for pause, least in zip(pauses, (0.02, 0.04, 0.08, 0.15, 0.15), strict=True):
        assert pause >= least * 0.99


async def test_an_answer_that_is_no_json_is_told_once_patience_is_over(
    kubeconfig: Path, server: ApiServer
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="<html>\x1b[2J sign in</html>", content_type="text/html")

    server.answer = answer
    async with client_with(kubeconfig, Patience(seconds=0.05, pause=0.01)) as client:
        with pytest.raises(Unreadable, match=r"<html>\\x1b\[2J sign in</html>. Check that"):
            await client.wait(a_watched_task(), timeout=20)
        with pytest.raises(Unreadable):
            await client.list()


async def test_a_server_with_too_many_requests_is_asked_again_when_it_says(
    client: AsyncClient, server: ApiServer
) -> None:
    began = asyncio.get_running_loop().time()
    times: list[float] = []

    async def answer(request: web.Request) -> web.Response:
        times.append(asyncio.get_running_loop().time() - began)
        if len(times) == 1:
            refused = refusal(429, "TooManyRequests", "too many requests")
            refused.headers["Retry-After"] = "1"
            return refused
        return web.json_response(body())

    server.answer = answer
    await client.submit(new_task("train", "trainer:1", requests={"cpu": 1}))
    assert [request.method for request in server.requests] == ["POST", "POST"]
    assert times[1] >= 1


@pytest.mark.parametrize("retry_after", ["99999999999999", "1" * 5000, "²", "Fri, 31 Dec", "-1"])
async def test_too_many_requests_for_ever_end_patience(
    kubeconfig: Path, server: ApiServer, retry_after: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, text="no", headers={"Retry-After": retry_after})

    server.answer = answer
    async with client_with(kubeconfig, Patience(seconds=0.05, pause=0.01)) as client:
        with pytest.raises(Refused) as raised:
            await client.list()
    assert raised.value.code == 429
