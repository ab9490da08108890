"""Requests to the API server: JSON in, JSON or a stream out."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.rest import RESTResponse

from mltask import kubeconfig
from mltask.errors import Refused, Unreachable
from mltask_operator import __version__

Json = dict[str, Any]

REQUEST_SECONDS = 30
PAGE_SIZE = 500


class Transport:
    """The API server. Each request raises Refused for its no, Unreachable for no answer."""

    def __init__(self, file: str | None, context: str | None) -> None:
        """Choose the API server: `file` and `context` are as in `kubeconfig.load`."""
        self._file = file
        self._context = context
        self._clients: list[ApiClient] = []

    async def log_in(self) -> str:
        """Load the credentials, anew where they are outdated; return the context's namespace."""
        configuration, namespace = await kubeconfig.load(self._file, self._context)
        client = ApiClient(configuration)
        client.user_agent = f"mltask-client/{__version__}"
        # Streams of the one before may still be read: all are closed in the end.
        self._clients.append(client)
        return namespace

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.close()

    async def ask(
        self, method: str, path: str, body: Json | None = None, /, **query: str | int
    ) -> Json:
        """Send one request and return the object that came back."""
        limits = aiohttp.ClientTimeout(total=REQUEST_SECONDS)
        try:
            response = await self._open(method, _with(path, query), body, limits)
            found: Json = json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error
        return found

    async def pages(self, path: str, /, **query: str | int) -> AsyncIterator[Json]:
        """Yield a listing page by page, all of one moment."""
        following = ""
        while True:
            token = {"continue": following} if following else {}
            page = await self.ask("GET", path, limit=PAGE_SIZE, **query, **token)
            yield page
            if not (following := page["metadata"].get("continue") or ""):
                return

    @asynccontextmanager
    async def stream(
        self, path: str, /, *, seconds: float | None, **query: str | int
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Have an answer while it comes in, for so many seconds at the most."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=REQUEST_SECONDS)
        try:
            response = await self._open("GET", _with(path, query), None, limits)
            try:
                yield response.response.content
            finally:
                response.response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error) from error

    async def _open(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> RESTResponse:
        response = await self._send(method, path, body, limits)
        if response.status == 401:
            # Tokens of a login plugin end after minutes; a wait may take days.
            response.response.release()
            await self.log_in()
            response = await self._send(method, path, body, limits)
        if response.status >= 300:
            raise Refused.from_answer(response.status, await response.read())
        return response

    async def _send(
        self, method: str, path: str, body: Json | None, limits: aiohttp.ClientTimeout
    ) -> RESTResponse:
        client = self._clients[-1]
        headers = dict(client.default_headers)
        await client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = client.configuration.host + path
        return await client.call_api(method, url, headers, body, _request_timeout=limits)

    def _unreachable(self, error: Exception) -> Unreachable:
        server = self._clients[-1].configuration.host
        return Unreachable(server, str(error) or type(error).__name__)


def _with(path: str, query: dict[str, str | int]) -> str:
    chosen = {name: value for name, value in query.items() if value != ""}
    return f"{path}?{urlencode(chosen)}" if chosen else path
