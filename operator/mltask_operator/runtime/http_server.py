"""HTTP server: one page on one port, with a bound on its connections.

Any Pod of the cluster may connect to the operator's ports, so no client may use up the process's
file descriptors or its CPU. asyncio's and aiohttp's servers have no such bounds. This one reads the
head of a request from a bare socket, which is all that a GET needs: an idle connection costs no
task, no parser and no buffer.

A full port closes a connection for each new one, and so a probe always gets one. It chooses among
the connections of the address that has the most: those that have not sent a request come first,
then the oldest. A client with thousands of connections thus closes its own.
"""

import asyncio
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
"""Open at a time, on each port."""
MAX_HEAD_BYTES = 8192
REQUEST_SECONDS = 5.0
"""How long a client may take to send the head of its request."""
ANSWER_SECONDS = 10.0
"""How long the answer may take, until the client has read it."""
ACCEPTS_PER_TURN = 16
"""The rest waits for the next turn of the event loop, so that other work and requests that arrive
meanwhile have their turn too."""
ACCEPT_RETRY_SECONDS = 1.0
WARNING_SECONDS = 60.0
BACKLOG = 1024
"""Connections that wait in the kernel, where they cost the process no file descriptor."""

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[^ ?]*)(?:\?[^ ]*)? HTTP/1\.[01]\r\n")
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Page = Callable[[], Awaitable[Answer]]


@asynccontextmanager
async def serving(port: int, path: str, page: Page) -> AsyncIterator[None]:
    """Serve the page at this path, at all addresses. Raise OSError if the port is taken."""
    server = _Server(_listener(port), path, page)
    try:
        yield
    finally:
        await server.close()


def _listener(port: int) -> socket.socket:
    is_dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual else socket.AF_INET
    listener = socket.create_server(
        ("", port), family=family, dualstack_ipv6=is_dual, backlog=BACKLOG
    )
    listener.settimeout(0)
    return listener


@dataclass(eq=False, slots=True)
class _Connection:
    client: socket.socket
    address: str
    head: bytes = b""
    timer: asyncio.TimerHandle = field(init=False)
    answering: asyncio.Task[None] | None = None


class _Server:
    def __init__(self, listener: socket.socket, path: str, page: Page) -> None:
        self._listener = listener
        self._path = path.encode()
        self._page = page
        self._loop = asyncio.get_running_loop()
        self._warned_at = float("-inf")
        self._retry: asyncio.TimerHandle | None = None
        self._open: dict[_Connection, None] = {}
        """In the order of their arrival."""
        self._listen()

    async def close(self) -> None:
        """Close the port and all its connections."""
        if self._retry:
            self._retry.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        connections = list(self._open)
        for connection in connections:
            self._end(connection)
        answering = (each.answering for each in connections if each.answering)
        await asyncio.gather(*answering, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                client, (address, *_) = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            client.settimeout(0)
            if len(self._open) >= MAX_CONNECTIONS:
                self._end(self._least_needed())
            self._begin(client, address)

    def _pause(self, error: OSError) -> None:
        """Try again later: the socket stays readable, and the event loop would spin."""
        self._loop.remove_reader(self._listener)
        self._retry = self._loop.call_later(ACCEPT_RETRY_SECONDS, self._listen)
        self._warn("failed to accept a connection", error)

    def _warn(self, fact: str, error: Exception) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARNING_SECONDS:
            self._warned_at = now
            logger.warning("%s for %s: %r", fact, self._path.decode(), error)

    def _least_needed(self) -> _Connection:
        crowd = Counter(connection.address for connection in self._open)
        # The first of equals is the oldest.
        return min(self._open, key=lambda each: (-crowd[each.address], each.answering is not None))

    def _begin(self, client: socket.socket, address: str) -> None:
        connection = _Connection(client, address)
        connection.timer = self._loop.call_later(REQUEST_SECONDS, self._end, connection)
        self._open[connection] = None
        self._loop.add_reader(client, self._read, connection)
        # A request that came while the connection waited in the kernel is answered in any case.
        self._read(connection)

    def _end(self, connection: _Connection) -> None:
        self._open.pop(connection, None)
        connection.timer.cancel()
        if connection.answering:
            connection.answering.cancel()  # It closes the socket, once nothing waits for that.
        else:
            self._loop.remove_reader(connection.client)
            connection.client.close()

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.client.recv(MAX_HEAD_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._end(connection)
            return
        connection.head += data
        if _END_OF_HEAD in connection.head or len(connection.head) > MAX_HEAD_BYTES:
            connection.timer.cancel()
            self._loop.remove_reader(connection.client)
            connection.answering = self._loop.create_task(self._answer(connection))

    async def _answer(self, connection: _Connection) -> None:
        try:
            with suppress(TimeoutError, OSError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    message = await self._message(connection.head)
                    await self._loop.sock_sendall(connection.client, message)
        finally:
            self._open.pop(connection, None)
            connection.client.close()

    async def _message(self, head: bytes) -> bytes:
        request = _REQUEST_LINE.match(head)
        if _END_OF_HEAD not in head:
            answer = _failure(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif request is None:
            answer = _failure(HTTPStatus.BAD_REQUEST)
        elif request[2] != self._path:
            answer = _failure(HTTPStatus.NOT_FOUND)
        elif request[1] not in (b"GET", b"HEAD"):
            answer = _failure(HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            answer = await self._made()
        body = b"" if request and request[1] == b"HEAD" else answer.body
        return _head(answer) + body

    async def _made(self) -> Answer:
        try:
            return await self._page()
        except Exception as error:
            self._warn("failed to answer a request", error)
            return _failure(HTTPStatus.INTERNAL_SERVER_ERROR)


def _failure(status: HTTPStatus) -> Answer:
    return Answer(status, status.phrase.encode() + b"\n")


def _head(answer: Answer) -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Allow: GET, HEAD",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + _END_OF_HEAD
