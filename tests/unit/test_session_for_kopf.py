"""Session for Kopf: it hides a rejected token from Kopf, which would otherwise stop."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.kopf_session import session_for_kopf
from tests.unit.api_server import ApiServer, Json, write_kubeconfig

BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'


@pytest.fixture
async def listed() -> list[tuple[str, Json]]:
    """What Kopf's listings have shown."""
    return []


@pytest.fixture
async def begun() -> list[str]:
    """The paths of the listings that began."""
    return []


@pytest.fixture
async def session(
    server: ApiServer, kubeconfig: Path, listed: list[tuple[str, Json]], begun: list[str]
) -> AsyncIterator[aiohttp.ClientSession]:
    """The session that Kopf receives."""
    credentials = Credentials(reload_pause=0.05)
    await credentials.load()
    given = session_for_kopf(
        credentials, lambda plural, body: listed.append((plural, body)), begun.append
    )
    assert given.server == server.url
    async with given.aiohttp_session as session:
        yield session


def tell(server: ApiServer, *pieces: bytes) -> None:
    """Have the server answer with these pieces, and end the answer properly."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    server.answer = answer


async def watched(server: ApiServer, session: aiohttp.ClientSession) -> bytes:
    """Return all bytes of a watch until it ends."""
    async with session.get(f"{server.url}/api/v1/pods?watch=true") as response:
        return b"".join([piece async for piece in response.content.iter_chunked(1024)])


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


# What would end Kopf

STATUS = {"kind": "Status", "message": "etcdserver: no leader"}


async def test_an_error_in_a_watch_lets_kopf_list_again(
    server: ApiServer, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"type": "ERROR", "object": {**STATUS, "code": 500}}
    tell(server, BOOKMARK, json.dumps(error).encode() + b"\n")
    first, last = (await watched(server, session)).splitlines()
    assert first == BOOKMARK.strip()
    assert json.loads(last) == {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
    [record] = caplog.records
    assert "500: etcdserver: no leader" in record.getMessage()


@pytest.mark.parametrize(
    "line",
    [
        b"<html>sign in</html>",
        b"[]",
        b'{"type":"ADDED"}',
        b'{"type":"ADDED","object":1}',
        b'{"type":"ERROR","object":1}',
        b'{"kind":"PodList","items":[]}',
    ],
)
async def test_a_line_that_is_no_event_is_a_broken_watch(
    server: ApiServer, session: aiohttp.ClientSession, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltask_operator.kube.slim_answers.BREAK_PAUSE_SECONDS", 0)
    tell(server, line + b"\n")
    with pytest.raises(aiohttp.ClientPayloadError):
        await watched(server, session)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        *((code, None) for code in (200, 302, 307, 400, 403, 404, 410, 429, 500, 502, 503)),
        *((code, STATUS) for code in (429, 500, 503, 504)),
    ],
)
@pytest.mark.parametrize("query", ["limit=100", "watch=true"])
async def test_what_is_no_answer_of_the_api_server_is_a_broken_connection(
    server: ApiServer, session: aiohttp.ClientSession, code: int, body: Json | None, query: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        text = json.dumps(body) if body else "<html>sign in</html>"
        headers = {"Retry-After": "soon", "Location": "/elsewhere"}
        return web.Response(status=code, text=text, headers=headers)

    server.answer = answer
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.get(f"{server.url}/api/v1/pods?{query}")
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [403, 404, 410])
async def test_kopf_sees_the_api_servers_own_refusals(
    server: ApiServer, session: aiohttp.ClientSession, code: int
) -> None:
    server.answer = server.says(STATUS, code)
    async with session.get(f"{server.url}/api/v1/pods?limit=100") as response:
        assert response.status == code
        assert await response.json() == STATUS
