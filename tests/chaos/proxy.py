"""What stands between the operator and the API server, and may do to a request what a fault is."""

import asyncio
import re
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
import yaml
from aiohttp import web

WRITE = re.compile(r"/namespaces/[^/]+/(pods|mltasks)\b")
OF_ONE_CONNECTION = {"connection", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}


class Call:
    """A request of the operator, on its way.

    `write` is which one of its writes to Pods and MLTasks it is, from 1 on, or None for any other
    request.
    """

    def __init__(
        self, request: web.BaseRequest, upstream: aiohttp.ClientSession, url: str, write: int | None
    ) -> None:
        self.write = write
        self._request = request
        self._upstream = upstream
        self._url = url + request.raw_path

    async def forward(self) -> web.StreamResponse:
        """Have the API server answer, and pass that on piece by piece, as a watch needs it."""
        async with await self._send() as answer:
            response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer))
            await response.prepare(self._request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response

    async def withhold(self) -> None:
        """Have the API server do what is asked, and keep its whole answer back."""
        async with await self._send() as answer:
            await answer.read()

    def cut(self) -> web.StreamResponse:
        """Break the operator's connection off, without an answer."""
        if self._request.transport:
            self._request.transport.abort()
        return web.Response()  # aiohttp wants one; nobody is there to read it

    async def _send(self) -> aiohttp.ClientResponse:
        request = self._request
        body = await request.read() if request.body_exists else None
        return await self._upstream.request(
            request.method, self._url, headers=_end_to_end(request), data=body
        )


class Fault(Protocol):
    """What goes wrong on the wire."""

    async def carry(self, call: Call) -> web.StreamResponse:
        """See to a request: forward it, or do worse."""


class NoFault:
    """All goes well."""

    async def carry(self, call: Call) -> web.StreamResponse:
        """Forward it."""
        return await call.forward()


class Proxy:
    """Plain HTTP on the loopback in front of the API server of `kubeconfig`, within a block.

    It has no credentials of its own: the bearer token is the operator's.
    """

    def __init__(self, kubeconfig: Path, fault: Fault) -> None:
        self.writes = 0
        """How many writes the operator has asked for."""
        self._config = yaml.safe_load(kubeconfig.read_text())
        self._fault = fault
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def write_kubeconfig(self, path: Path) -> Path:
        """Write and return a kubeconfig by which the operator comes here."""
        cluster = {"server": f"http://127.0.0.1:{self._port}"}
        config = {**self._config, "clusters": [{"name": "mltask", "cluster": cluster}]}
        path.write_text(yaml.safe_dump(config))
        return path

    async def _open(self) -> None:
        cluster = self._config["clusters"][0]["cluster"]
        self._url = cluster["server"]
        trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._upstream = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        )
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {
            asyncio.current_task()
        }  # watches that never end by themselves
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._upstream.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        is_write = request.method != "GET" and WRITE.search(request.path)
        if is_write:
            self.writes += 1
        call = Call(request, self._upstream, self._url, self.writes if is_write else None)
        try:
            return await self._fault.carry(call)
        except (aiohttp.ClientError, ConnectionError):
            return call.cut()  # one of the two sides has gone

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


def _end_to_end(message: web.BaseRequest | aiohttp.ClientResponse) -> dict[str, str]:
    return {k: v for k, v in message.headers.items() if k.lower() not in OF_ONE_CONNECTION}
