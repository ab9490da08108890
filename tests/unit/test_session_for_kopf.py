"""Session for Kopf: it hides a rejected token from Kopf, which would otherwise stop."""

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.unit.api_server import ApiServer, Json, write_kubeconfig
from tests.unit.kopf_session import BOOKMARK, tell, watched


def accept_only(server: ApiServer, token: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        is_known = request.headers["Authorization"] == f"Bearer {token}"
        return web.json_response({}, status=200 if is_known else 401)

    server.answer = answer


def tokens(server: ApiServer) -> list[str]:
    return [request.headers["Authorization"] for request in server.requests]


async def test_requests_carry_the_token(server: ApiServer, session: aiohttp.ClientSession) -> None:
    await session.get(f"{server.url}/api/v1/pods")
    assert tokens(server) == ["Bearer first"]


async def test_all_requests_continue_with_a_replaced_token(
    server: ApiServer, session: aiohttp.ClientSession, kubeconfig: Path
) -> None:
    accept_only(server, "second")
    write_kubeconfig(kubeconfig, server.url, {"token": "second"})
    answers = await asyncio.gather(*(session.get(f"{server.url}/{n}") for n in range(3)))
    assert [answer.status for answer in answers] == [200] * 3
    assert sorted(tokens(server)) == ["Bearer first"] * 3 + ["Bearer second"] * 3


async def test_a_rejected_token_is_retried_until_there_is_another(
    server: ApiServer, session: aiohttp.ClientSession, kubeconfig: Path
) -> None:
    async def answer(request: web.Request) -> web.Response:
        write_at_request(len(server.requests), kubeconfig, server.url)
        is_known = request.headers["Authorization"] == "Bearer second"
        return web.json_response({}, status=200 if is_known else 401)

    server.answer = answer
    assert (await session.get(f"{server.url}/api/v1/pods")).status == 200
    assert tokens(server) == ["Bearer first"] * 6 + ["Bearer second"]


def write_at_request(number: int, kubeconfig: Path, server: str) -> None:
    """Break the file at request 3, and write another token at request 6."""
    if number == 3:
        kubeconfig.write_text("{")
    if number == 6:
        write_kubeconfig(kubeconfig, server, {"token": "second"})


async def test_a_watch_that_ends_after_an_event_ends_normally(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    tell(server, b'{"type":', b'"ADDED","object":{}}\n')
    assert await watched(server, session) == b'{"type":"ADDED","object":{}}\n'
    tell(server)
    assert await watched(server, session) == b""


async def test_a_long_event_is_slimmed(server: ApiServer, session: aiohttp.ClientSession) -> None:
    metadata = {"name": "a", "namespace": "b", "uid": "u", "annotations": {"x": "y" * 100_000}}
    event = {"type": "MODIFIED", "object": {"kind": "Pod", "metadata": metadata}}
    line = json.dumps(event).encode() + b"\n"
    tell(server, BOOKMARK + line[:5000], line[5000:] + BOOKMARK)
    first, long, last = (await watched(server, session)).splitlines()
    assert first == last == BOOKMARK.strip()
    assert len(long) < 1000
    assert json.loads(long)["object"]["metadata"]["uid"] == "u"


async def test_a_long_line_that_is_no_json_is_a_broken_watch(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    tell(server, b"<html>" + b"x" * 100_000 + b"</html>\n")
    with pytest.raises(aiohttp.ClientPayloadError):
        await watched(server, session)


async def test_the_items_of_a_listing_are_taken_slim(
    server: ApiServer, session: aiohttp.ClientSession, listed: list[tuple[str, Json]]
) -> None:
    metadata = {"name": "a", "namespace": "b", "annotations": {"x": "y" * 100_000}}
    items = [{"metadata": {**metadata, "uid": f"u{n}"}, "spec": {}} for n in range(20)]
    pods = {"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": items}
    tell(server, json.dumps(pods).encode())
    async with session.get(f"{server.url}/api/v1/pods?limit=100") as response:
        found = await response.json(content_type=None)
    assert found == {**pods, "items": []}
    assert [plural for plural, _ in listed] == ["pods"] * 20
    assert [body["metadata"]["uid"] for _, body in listed] == [f"u{n}" for n in range(20)]
    assert len(json.dumps(listed)) < 10_000


async def test_each_listing_is_noted_at_its_first_page(
    server: ApiServer, session: aiohttp.ClientSession, begun: list[str]
) -> None:
    pods = {"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": []}
    server.answer = server.says(pods)
    for query in ("limit=100", "limit=100&continue=abc", "watch=true", "limit=100"):
        await session.get(f"{server.url}/api/v1/pods?{query}")
    assert begun == ["/api/v1/pods"] * 2


async def test_a_listing_that_is_no_json_is_a_broken_connection(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    tell(server, b'{"items": [{"metadata": ')
    with pytest.raises(aiohttp.ClientPayloadError):
        async with session.get(f"{server.url}/api/v1/pods?limit=100") as response:
            await response.json(content_type=None)


async def test_a_watch_that_ends_within_an_event_raises(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    tell(server, BOOKMARK, b'{"type": ')
    with pytest.raises(aiohttp.ClientPayloadError):
        await watched(server, session)
