"""Session for Kopf: nothing reaches Kopf that would end the operator."""

import json

import aiohttp
import pytest
from aiohttp import web

from tests.unit.api_server import ApiServer, Json
from tests.unit.kopf_session import BOOKMARK, tell, watched

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


async def test_kopf_sees_that_a_version_does_not_exist(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404, text="404 page not found")

    server.answer = answer
    assert (await session.get(f"{server.url}/apis/example.com/v1")).status == 404


@pytest.mark.parametrize("code", [403, 404, 410])
async def test_kopf_sees_the_api_servers_own_refusals(
    server: ApiServer, session: aiohttp.ClientSession, code: int
) -> None:
    server.answer = server.says(STATUS, code)
    async with session.get(f"{server.url}/api/v1/pods?limit=100") as response:
        assert response.status == code
        assert await response.json() == STATUS
