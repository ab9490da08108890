"""Error answers of the API server: the errors that the client raises, and its retries."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, StrayAnswer
from mltask_operator.kube.requests import Patience
from tests.unit.api_server import ApiServer, object_at, write_kubeconfig

# Refusals


async def test_refusal_keeps_the_api_servers_message(api: Api, server: ApiServer) -> None:
    status = {
        "kind": "Status",
        "reason": "Invalid",
        "message": 'Pod "x" is invalid: metadata.uid: Invalid value',
        "details": {"causes": [{"reason": "FieldValueInvalid", "field": "metadata.uid"}]},
        "code": 422,
    }
    server.answer = server.says(status, 422)
    with pytest.raises(ApiError) as raised:
        await api.get_pod("team-a", "train-1")
    error = raised.value
    assert (error.code, error.reason, error.message) == (422, "Invalid", status["message"])
    assert error.causes == ("FieldValueInvalid",)
    assert str(error) == f"the API server answered 422 Invalid: {status['message']}"


@pytest.mark.parametrize("body", [b"upstream is down", b"[]", b"", b"\xff\xfe", b'{"details": 1}'])
async def test_an_error_that_is_no_status_is_not_the_api_servers(
    api: Api, server: ApiServer, body: bytes
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502, body=body)

    server.answer = answer
    with pytest.raises(StrayAnswer, match="HTTP 502"):
        await api.get_pod("team-a", "train-1")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("0", 0),
        ("3", 3),
        ("2.5", 2.5),
        ("99999999999999", 60),
        ("1" + "0" * 400, 60),
        ("1e30", 60),
        ("inf", 60),
        ("-5", 0),
        ("-inf", 0),
        ("nan", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("soon", 0),
        ("10^30", 0),
    ],
)
async def test_refusal_says_how_long_to_wait(
    api: Api, server: ApiServer, header: str | None, seconds: float
) -> None:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Retry-After": header} if header else {}
        status = {"kind": "Status", "reason": "TooManyRequests"}
        return web.json_response(status, status=429, headers=headers)

    server.answer = answer
    with pytest.raises(ApiError) as raised:
        await api.get_pod("team-a", "train-1")
    assert (raised.value.code, raised.value.retry_after) == (429, seconds)


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_list_survives_transient_errors(
    credentials: Credentials, server: ApiServer, code: int
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        match len(server.requests):
            case 1:
                return web.json_response({}, status=code)
            case 2:
                assert request.transport is not None
                request.transport.abort()
        return web.json_response(
            {"kind": "MLTaskList", "metadata": {"resourceVersion": "10"}, "items": []}
        )

    server.answer = answer
    async with Api(credentials, patience=Patience(retry_pause=0)) as api:
        assert await api.list(paths.tasks(None), print) == 10


async def test_a_list_that_stays_refused_raises(
    credentials: Credentials, server: ApiServer
) -> None:
    status = {"kind": "Status", "reason": "InternalError", "message": "no"}
    server.answer = server.says(status, 500)
    async with Api(credentials, patience=Patience(retries=2, retry_pause=0)) as api:
        with pytest.raises(ApiError, match="500 InternalError: no"):
            await api.list(paths.tasks(None), print)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "question", [lambda api: api.list(paths.tasks(None), print), Api.priority_classes]
)
async def test_the_last_refusal_is_raised_after_its_retry_pause(
    credentials: Credentials, server: ApiServer, question: Callable[[Api], Awaitable[object]]
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({}, status=429, headers={"Retry-After": "1"})

    server.answer = answer
    began = time.monotonic()
    async with Api(credentials, patience=Patience(retries=0)) as api:
        with pytest.raises(StrayAnswer, match="429"):
            await question(api)
    assert time.monotonic() - began >= 1
    assert len(server.requests) == 1


# Credentials that are refused


def accept_only(server: ApiServer, token: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        known = request.headers["Authorization"] == f"Bearer {token}"
        refusal = {"kind": "Status", "reason": "Unauthorized", "message": "no"}
        body = object_at(request.path) if known else refusal
        return web.json_response(body, status=200 if known else 401)

    server.answer = answer


def tokens(server: ApiServer) -> list[str]:
    return [request.headers["Authorization"] for request in server.requests]


async def test_a_replaced_token_is_reloaded(api: Api, server: ApiServer, kubeconfig: Path) -> None:
    accept_only(server, "second")
    write_kubeconfig(kubeconfig, server.url, {"token": "second"})
    await api.get_pod("team-a", "train-1")
    await api.get_pod("team-a", "train-1")
    assert tokens(server) == ["Bearer first", "Bearer second", "Bearer second"]


async def test_a_token_that_stays_refused_is_tried_twice(api: Api, server: ApiServer) -> None:
    accept_only(server, "second")
    with pytest.raises(ApiError, match="401 Unauthorized"):
        await api.get_pod("team-a", "train-1")
    assert tokens(server) == ["Bearer first", "Bearer first"]


async def test_a_replaced_token_serves_all_requests_under_way(
    api: Api, server: ApiServer, kubeconfig: Path
) -> None:
    accept_only(server, "second")
    write_kubeconfig(kubeconfig, server.url, {"token": "second"})
    answers = await asyncio.gather(*(api.get_pod("team-a", f"train-{n}") for n in range(32)))
    assert [answer["kind"] for answer in answers] == ["Pod"] * 32
