"""Requests to the API server: JSON in, JSON or a stream out."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from mltask.errors import ClientClosed, NoCredentials, Refused, Unreachable, Unreadable
from mltask.patience import TOO_MANY_REQUESTS, Patience, Retries
from mltask_operator import __version__
from mltask_operator.access import credentials
from mltask_operator.access.credentials import Access, Credentials
from mltask_operator.access.tls import reason

Json = dict[str, Any]

REQUEST_SECONDS = 30
PAGE_SIZE = 500
RELOAD_PAUSE_SECONDS = 1.0
MAX_LINE_BYTES = 2**21
"""A watch sends each object as one line. etcd stores at most 1.5 MiB of it."""


class Transport:
    """The API server.

    Each request raises Refused, Unreachable, Unreadable, NoCredentials or ClientClosed. Rejected
    credentials are renewed, and after 429 a request is sent again.
    """

    def __init__(self, file: str | None, context: str | None, patience: Patience) -> None:
        """Choose the API server: `file` and `context` are those of kubectl by default."""
        self.patience = patience
        self._credentials = Credentials(file, context, RELOAD_PAUSE_SECONDS)
        self._session: aiohttp.ClientSession | None = None

    async def log_in(self) -> str:
        """Load the credentials and return the context's namespace. Raises NoCredentials."""
        try:
            await self._credentials.load()
        except credentials.NoCredentials as error:
            raise NoCredentials(str(error)) from error
        self._session = self._credentials.session(
            headers={"User-Agent": f"mltask-client/{__version__}"}, read_bufsize=MAX_LINE_BYTES
        )
        return self._credentials.current.namespace

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        session, self._session = self._session, None
        await self._credentials.close()
        if session:
            await session.close()

    async def ask(
        self, method: str, path: str, body: Json | None = None, /, **query: str | int
    ) -> Json:
        """Send one request and return the object that came back."""
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        async with self._opened(method, _with(path, query), body, limits) as response:
            return self.parsed(await response.read())

    async def pages(self, path: str, /, **query: str | int) -> AsyncIterator[Json]:
        """Yield a listing page by page, all of one moment."""
        following = ""
        while True:
            token = {"continue": following} if following else {}
            page = await self.ask("GET", path, limit=PAGE_SIZE, **query, **token)
            metadata = page.get("metadata")
            if not isinstance(page.get("items"), list) or not isinstance(metadata, dict):
                raise self.unreadable(json.dumps(page))
            yield page
            if not (following := metadata.get("continue") or ""):
                return

    @asynccontextmanager
    async def stream(
        self, path: str, /, *, seconds: float | None, **query: str | int
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an answer that is read while it comes in, for at most so many seconds."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=REQUEST_SECONDS)
        async with self._opened("GET", _with(path, query), None, limits) as response:
            yield response.content

    def parsed(self, data: bytes) -> Json:
        """Return the JSON object of an answer or of a line. Raises Unreadable."""
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.unreadable(data.decode(errors="replace"))
        return found

    def unreadable(self, text: str) -> Unreadable:
        """Return the error for an answer with this text."""
        return Unreadable(self._credentials.current.host, text)

    @asynccontextmanager
    async def _opened(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            response = await self._accepted(method, path, body, limits)
            try:
                yield response
            finally:
                response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(self._credentials.current.host, reason(error)) from error

    async def _accepted(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send the request until it is not too many, and return its answer. Raises Refused."""
        retries = Retries(self.patience)
        while True:
            response = await self._authenticated(method, path, body, limits)
            if response.status < 300:
                return response
            asked = response.headers.get("Retry-After", "")
            refusal = Refused.from_answer(response.status, await response.read(), asked)
            # The API server has not begun to work on it, so any request may be sent again:
            # https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
            if refusal.code != TOO_MANY_REQUESTS:
                raise refusal
            await retries.pause(refusal)

    async def _authenticated(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Send the request; renew credentials or a CA that are rejected, and send it again."""
        used = self._credentials.current
        try:
            response = await self._send(method, path, body, limits)
            if response.status != 401:
                return response
            response.close()
        except aiohttp.ClientSSLError:
            pass
        await self._renew(used)
        return await self._send(method, path, body, limits)

    async def _renew(self, refused: Access) -> None:
        # Tokens of a login plugin end after minutes; a wait may take days.
        try:
            await self._credentials.renew(refused)
        except credentials.NoCredentials as error:
            raise NoCredentials(str(error)) from error

    async def _send(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise ClientClosed
        access = self._credentials.current
        return await self._session.request(
            method,
            URL(access.host + path, encoded=True),
            json=body,
            timeout=limits,
            **access.options,
        )


def _with(path: str, query: dict[str, str | int]) -> str:
    chosen = {name: value for name, value in query.items() if value != ""}
    return f"{path}?{urlencode(chosen)}" if chosen else path
