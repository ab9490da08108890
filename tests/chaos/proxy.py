"""What stands between the operator and the API server, and may do to a request what a fault is."""

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
import yaml
from aiohttp import web

WRITE = re.compile(r"/namespaces/[^/]+/(pods|mltasks)\b")
Pieces = AsyncIterator[bytes]
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
        self.method = request.method
        self.target = request.raw_path
        """Path and query, as the operator wrote them."""
        self.path = request.path
        self.agent = request.headers.get("User-Agent", "").partition("/")[0]
        """Who of the operator asks: itself (mltask-operator), or its watches (kopf)."""
        self.token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_read_of_many = self.method == "GET" and re.search(
            "/(pods|mltasks|resourcequotas)$", self.path
        )
        self.is_watch = "watch" in request.query
        self.is_list = bool(is_read_of_many) and not self.is_watch
        self._request = request
        self._upstream = upstream
        self._url = url + request.raw_path

    async def body(self) -> bytes:
        """Return what the operator sent; it is empty for a read."""
        return await self._request.read() if self._request.body_exists else b""

    async def forward(
        self, through: Callable[[Pieces], Pieces] | None = None
    ) -> web.StreamResponse:
        """Have the API server answer, and pass that on piece by piece, as a watch needs it.

        `through` may change the pieces on their way.
        """
        async with await self._send() as answer:
            response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer))
            await response.prepare(self._request)
            pieces = answer.content.iter_any()
            async for piece in through(pieces) if through else pieces:
                await response.write(piece)
            await response.write_eof()
            return response

    async def withhold(self) -> web.Response:
        """Have the API server do what is asked, keep its whole answer back, and return it."""
        async with await self._send() as answer:
            body = await answer.read()
            return web.Response(status=answer.status, headers=_end_to_end(answer), body=body)

    def refuse(self, code: int, reason: str = "", **headers: str) -> web.Response:
        """Answer with a Status object in the API server's place."""
        return web.json_response(status_object(code, reason), status=code, headers=headers)

    def cut(self) -> web.StreamResponse:
        """Break the operator's connection off, without an answer."""
        if self._request.transport:
            self._request.transport.abort()
        return web.Response()  # aiohttp wants one; nobody is there to read it

    async def _send(self) -> aiohttp.ClientResponse:
        headers, body = _end_to_end(self._request), await self.body()
        return await self._upstream.request(
            self.method, self._url, headers=headers, data=body or None
        )


def status_object(code: int, reason: str = "") -> dict[str, object]:
    """Return what the API server says with this code."""
    message = f"the proxy says {code} {HTTPStatus(code).phrase}"
    kind = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**kind, "code": code, "reason": reason, "message": message}


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
        self._watches: set[Call] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._await(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def token(self) -> str:
        """The bearer token of the kubeconfig that this proxy was given."""
        return str(self._config["users"][0]["user"]["token"])

    def write_kubeconfig(self, path: Path, token: str | None = None) -> Path:
        """Write and return a kubeconfig by which the operator comes here, with another token."""
        cluster = {"server": f"http://127.0.0.1:{self._port}"}
        config = {**self._config, "clusters": [{"name": "mltask", "cluster": cluster}]}
        if token:
            config["users"] = [{**config["users"][0], "user": {"token": token}}]
        # The operator never reads a half of it.
        written = path.with_suffix(".new")
        written.write_text(yaml.safe_dump(config))
        return written.replace(path)

    def cut_watches(self) -> None:
        """Break off every watch that is open."""
        self._loop.call_soon_threadsafe(lambda: [watch.cut() for watch in self._watches])

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
        if call.is_watch:
            self._watches.add(call)
        try:
            return await self._fault.carry(call)
        except (aiohttp.ClientError, ConnectionError):
            return call.cut()  # one of the two sides has gone
        finally:
            self._watches.discard(call)

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)


def _end_to_end(message: web.BaseRequest | aiohttp.ClientResponse) -> dict[str, str]:
    return {k: v for k, v in message.headers.items() if k.lower() not in OF_ONE_CONNECTION}
