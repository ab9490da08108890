"""An API server that gives no answer, or only a part of one."""

import asyncio

import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import Unreachable
from mltask_operator.kube.requests import Patience
from tests.unit.api_server import ApiServer


async def test_no_answer_in_time(credentials: Credentials, server: ApiServer) -> None:
    ended = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await ended.wait()
        return web.json_response({})

    server.answer = answer
    async with Api(credentials, patience=Patience(request_timeout=0.05)) as api:
        with pytest.raises(Unreachable, match=server.url):
            await api.get_pod("team-a", "train-1")
    ended.set()


async def test_nobody_listens(api: Api, server: ApiServer) -> None:
    await server.close()
    with pytest.raises(Unreachable, match=f"{server.url}.*: Cannot connect"):
        await api.get_pod("team-a", "train-1")


async def test_connection_breaks_before_the_answer(api: Api, server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answer = answer
    with pytest.raises(Unreachable):
        await api.get_pod("team-a", "train-1")


async def test_connection_breaks_within_the_answer(api: Api, server: ApiServer) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind": ')
        assert request.transport is not None
        request.transport.close()
        return response

    server.answer = answer
    with pytest.raises(Unreachable):
        await api.get_pod("team-a", "train-1")
