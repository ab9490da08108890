"""What Kopf receives of its listings and watches: slim objects, and no half of an event."""

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from yarl import URL

from mltask_operator.kube.jsonlist import ListReader
from mltask_operator.kube.slim import Slimmer, slimmer_for

Json = dict[str, Any]

LONG_LINE = 4 * 1024
"""Bytes from which on an event is slimmed before Kopf queues it. For a shorter one that isn't worth
parsing it twice."""


class _SlimLines:
    """The body of a watch: JSON objects, a line each."""

    def __init__(self, content: aiohttp.StreamReader, slimmed: Slimmer) -> None:
        self._content = content
        self._slimmed = slimmed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines. Raise ClientPayloadError where the watch ends within a line."""
        parts: list[bytes] = []
        async for data in self._content.iter_chunked(size):
            *lines, rest = data.split(b"\n")
            if lines:
                lines[0] = b"".join((*parts, lines[0]))
                parts = []
                yield b"".join(self._line(line) for line in lines)
            if rest:
                parts.append(rest)
        if parts:
            raise aiohttp.ClientPayloadError("the watch has ended in the middle of an event")

    def _line(self, line: bytes) -> bytes:
        if len(line) < LONG_LINE:
            return line + b"\n"
        try:
            event = json.loads(line)
        except ValueError as error:
            raise aiohttp.ClientPayloadError("the watch shows no JSON") from error
        if event.get("type") in ("ADDED", "MODIFIED", "DELETED"):
            event["object"] = self._slimmed(event["object"], len(line))
        return json.dumps(event).encode() + b"\n"


class _TakenList:
    """The body of a listing, whose items Kopf never sees."""

    def __init__(
        self, content: aiohttp.StreamReader, slimmed: Slimmer, take: Callable[[Json], object]
    ) -> None:
        self._content = content
        self._slimmed = slimmed
        self._take = take

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def read(self) -> bytes:
        """Take all items; return the list without. Raise ClientPayloadError for no JSON list."""
        reader = ListReader(lambda item, length: self._take(self._slimmed(item, length)))
        try:
            return await reader.read(self._content)
        except ValueError as error:
            raise aiohttp.ClientPayloadError(f"the listing is not readable: {error}") from error


class SlimAnswers:
    """A middleware of Kopf's session: it slims what the API server answers to Kopf.

    The items of a listing go to `take` at once, with the plural name of their resource, and Kopf
    gets an empty list. It would start a task for each item, which takes a millisecond: among 50,000
    objects nothing new was seen for a minute. A watch reaches Kopf event by event.
    """

    def __init__(self, take: Callable[[str, Json], object]) -> None:
        self._take = take

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Answer the request.

        A watch that a proxy ends within a line fails as any broken connection does. To Kopf, half
        an event would be a fault of its own, after which the operator stops.
        """
        response = await handler(request)
        if response.status == HTTPStatus.OK and request.method == "GET":
            response.content = cast("aiohttp.StreamReader", self._slim(request.url, response))
        return response

    def _slim(self, url: URL, response: aiohttp.ClientResponse) -> object:
        slimmed, plural = slimmer_for(url.path), url.path.rpartition("/")[2]
        if url.query.get("watch"):
            return _SlimLines(response.content, slimmed)
        if "limit" in url.query:
            return _TakenList(response.content, slimmed, partial(self._take, plural))
        return response.content
