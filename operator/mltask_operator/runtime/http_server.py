"""HTTP server: one page on one port, with a bound on its connections.

Any Pod of the cluster may connect to the operator's ports, so no client may use up the process's
file descriptors. asyncio's own server accepts without a bound, and logs each failure to accept.

A full port closes a connection for each new one, and so a probe always gets one. It chooses among
the connections of the address that has the most: those that have not sent a request come first,
then the oldest. A client with thousands of connections thus closes its own.
"""

import asyncio
import functools
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
"""Open at a time, on each port."""
REQUEST_SECONDS = 5.0
"""How long a client may take to send the head of its request."""
ANSWER_SECONDS = 10.0
"""How long the answer may take, until the client has read it."""
ACCEPTS_PER_TURN = 8
"""A new connection needs up to four turns of the event loop until its request is read. In the
meantime at most half of a port's connections are replaced."""
ACCEPT_RETRY_SECONDS = 1.0
WARNING_SECONDS = 60.0
BACKLOG = 1024
"""Connections that wait in the kernel, where they cost the process no file descriptor."""

Page = Callable[[], Awaitable[web.Response]]


@asynccontextmanager
async def serving(port: int, path: str, page: Page) -> AsyncIterator[None]:
    """Serve the page at this path, at all addresses. Raise OSError if the port is taken."""
    server = _Server(_listener(port), path, page)
    try:
        yield
    finally:
        await server.close()


def _listener(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        family, is_dual = socket.AF_INET6, True
    else:
        family, is_dual = socket.AF_INET, False
    listener = socket.create_server(
        ("", port), family=family, dualstack_ipv6=is_dual, backlog=BACKLOG
    )
    listener.settimeout(0)
    return listener


@dataclass(eq=False, slots=True)
class _Connection:
    address: str
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    timeout: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(REQUEST_SECONDS))
    is_answered: bool = False
    """Whether its request has arrived, and is being answered."""

    def note_request(self) -> None:
        self.is_answered = True
        self.timeout.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)


class _Server:
    def __init__(self, listener: socket.socket, path: str, page: Page) -> None:
        self._listener = listener
        self._path = path
        self._page = page
        self._loop = asyncio.get_running_loop()
        self._warned_at = float("-inf")
        self._retry: asyncio.TimerHandle | None = None
        # Both in the order of their arrival.
        self._open: dict[_Connection, asyncio.Task[None]] = {}
        self._by_protocol: dict[RequestHandler, _Connection] = {}
        self._http = _Http(self._answer, self._note_closed)
        self._listen()

    async def close(self) -> None:
        """Close the port and all its connections."""
        if self._retry:
            self._retry.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        connections = list(self._open.values())
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, (address, *_) = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            accepted.settimeout(0)
            if len(self._open) >= MAX_CONNECTIONS:
                self._close_one()
            connection = _Connection(address)
            task = self._loop.create_task(self._hold(connection, accepted))
            self._open[connection] = task
            # A task that is cancelled before its first step leaves the socket open.
            task.add_done_callback(functools.partial(_close, accepted))

    def _pause(self, error: OSError) -> None:
        """Try again later: the socket stays readable, and the event loop would spin."""
        self._loop.remove_reader(self._listener)
        self._retry = self._loop.call_later(ACCEPT_RETRY_SECONDS, self._listen)
        self._warn("failed to accept a connection", error)

    def _warn(self, fact: str, error: Exception) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARNING_SECONDS:
            self._warned_at = now
            logger.warning("%s for %s: %r", fact, self._path, error)

    def _close_one(self) -> None:
        crowd = Counter(connection.address for connection in self._open)
        # The first of equals is the oldest.
        chosen = min(self._open, key=lambda each: (-crowd[each.address], each.is_answered))
        self._open.pop(chosen).cancel()

    async def _hold(self, connection: _Connection, accepted: socket.socket) -> None:
        protocol = self._http()
        self._by_protocol[protocol] = connection
        try:
            with suppress(TimeoutError, OSError):
                async with connection.timeout:
                    await self._loop.connect_accepted_socket(lambda: protocol, accepted)
                    await connection.is_closed.wait()
        finally:
            del self._by_protocol[protocol]
            self._open.pop(connection, None)
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()

    def _note_closed(self, protocol: RequestHandler) -> None:
        if connection := self._by_protocol.get(protocol):
            connection.is_closed.set()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if connection := self._by_protocol.get(request.protocol):
            connection.note_request()
        if request.path != self._path:
            response = web.Response(status=404, text="not found\n")
        elif request.method not in ("GET", "HEAD"):
            response = web.Response(status=405, text="only GET\n", headers={"Allow": "GET, HEAD"})
        else:
            response = await self._made()
        # Without keep-alive no client holds a connection between its requests.
        response.force_close()
        return response

    async def _made(self) -> web.Response:
        try:
            return await self._page()
        except Exception as error:
            self._warn("failed to answer a request", error)
            return web.Response(status=500, text="internal error\n")


def _close(accepted: socket.socket, _: asyncio.Task[None]) -> None:
    accepted.close()


class _Http(web.Server):
    """aiohttp's server, which tells of each connection that has closed."""

    def __init__(
        self,
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        note_closed: Callable[[RequestHandler], None],
    ) -> None:
        self._note_closed = note_closed
        super().__init__(
            answer,
            access_log=None,
            # aiohttp logs a traceback for each request that is not HTTP.
            logger=_silent_logger(),
            keepalive_timeout=0,
            lingering_time=0,
            max_headers=32,
            max_field_size=2048,
        )

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Tell of the connection, as well as forget it."""
        super().connection_lost(handler, exc)
        self._note_closed(handler)


def _silent_logger() -> logging.Logger:
    silent = logging.getLogger(f"{__name__}.aiohttp")
    silent.setLevel(logging.CRITICAL + 1)
    return silent
