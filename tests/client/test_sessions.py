"""Credentials that end, clients that are closed, and the client without asyncio."""

import asyncio
import gc
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from mltask import (
    AsyncClient,
    Client,
    ClientClosed,
    Patience,
)
from tests.client.bodies import body
from tests.client.script import Script, a_watched_task, client_with, event, listing, refusal
from tests.unit.api_server import ApiServer, write_kubeconfig
from tests.waiting import BOUND, wait_until

# Credentials that end


async def test_a_plugin_that_fails_once_ends_no_wait(server: ApiServer, tmp_path: Path) -> None:
    version = "client.authentication.k8s.io/v1"
    plugin, count = tmp_path / "plugin", tmp_path / "count"
    credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": "token$n"}}
    plugin.write_text(
        f"#!/bin/sh\nn=$(($(cat {count} 2>/dev/null || echo 0) + 1)); echo $n > {count}\n"
        f"[ $n = 2 ] && exit 255\ncat <<END\n{json.dumps(credential)}\nEND\n"
    )
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": version, "command": "./plugin"}}
    write_kubeconfig(tmp_path / "config", server.url, user)

    async def answer(request: web.Request) -> web.Response:
        if request.headers["Authorization"] == "Bearer token1":
            return refusal(401, "Unauthorized", "Unauthorized")
        return web.json_response(listing(body(phase="Succeeded")))

    server.answer = answer
    async with client_with(tmp_path / "config", Patience(pause=0.01)) as client:
        assert (await client.wait(a_watched_task())).status.phase == "Succeeded"


async def test_renewed_tokens_leave_no_session_behind(
    client: AsyncClient, server: ApiServer, kubeconfig: Path
) -> None:
    """Each second request is refused, and each of those is followed by another token."""
    count = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        if count % 2:
            write_kubeconfig(kubeconfig, server.url, {"token": f"token{count}"})
            return refusal(401, "Unauthorized", "Unauthorized")
        return web.json_response(listing(body()))

    server.answer = answer
    before = count_sessions()
    for _ in range(3):
        await client.list()
    assert count_sessions() == before
    assert len({request.headers["Authorization"] for request in server.requests}) == 4


def count_sessions() -> int:
    """Return how many sessions there are in this process."""
    return sum(isinstance(each, aiohttp.ClientSession) for each in gc.get_objects())


# Closing


async def test_a_client_may_be_closed_twice(client: AsyncClient, server: ApiServer) -> None:
    await client.close()
    await client.close()
    with pytest.raises(ClientClosed, match="create another one"):
        await client.list()


async def test_a_wait_ends_where_the_client_is_closed(
    client: AsyncClient, server: ApiServer
) -> None:
    script = Script(server, listing(body()))
    waiting = asyncio.create_task(client.wait(a_watched_task()))
    await asyncio.to_thread(wait_until, lambda: len(script.asked) == 2, "the wait has begun")
    async with asyncio.timeout(BOUND):
        await client.close()
        with pytest.raises(ClientClosed):
            await waiting


async def test_a_synchronous_client_is_closed_while_another_thread_waits(
    server: ApiServer, kubeconfig: Path
) -> None:
    script = Script(server, listing(body()))

    def threads() -> None:
        with Client(kubeconfig=str(kubeconfig)) as client, ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.wait, a_watched_task())
            wait_until(lambda: len(script.asked) == 2, "the wait has begun")
            client.close()
            client.close()
            with pytest.raises(ClientClosed):
                waiting.result(timeout=BOUND)
            with pytest.raises(ClientClosed):
                client.get("train")

    await asyncio.to_thread(threads)


# Without asyncio


async def test_the_synchronous_client_works_inside_a_running_event_loop(
    server: ApiServer, kubeconfig: Path
) -> None:
    """As in a notebook, whose loop runs while a cell does; here another thread's serves."""
    Script(server, listing(body()), [event("MODIFIED", 11, phase="Succeeded", result="42")])

    def cell() -> str | None:
        async def run() -> str | None:
            with Client(kubeconfig=str(kubeconfig)) as client:
                return client.wait(a_watched_task(), timeout=20).status.result

        return asyncio.run(run())

    assert await asyncio.to_thread(cell) == "42"


async def test_no_proxy_is_used_for_a_loopback_address(
    server: ApiServer, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.answer = server.says(body())
    async with AsyncClient(kubeconfig=str(kubeconfig)) as client:
        assert (await client.get("train")).metadata.name == "train"
