"""What Kopf receives of its listings and watches: slim objects, and no half of an event."""

import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any, cast

import aiohttp

from mltask_operator.kube.jsonlist import ListReader
from mltask_operator.kube.slim import Slimmer, slimmer_for

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


class _SlimList:
    """The body of a listing."""

    def __init__(self, content: aiohttp.StreamReader, slimmed: Slimmer) -> None:
        self._content = content
        self._slimmed = slimmed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def read(self) -> bytes:
        """Return the list with slim items. Raise ClientPayloadError where it is no JSON list."""
        items: list[str] = []

        def take(item: dict[str, Any], length: int) -> None:
            items.append(json.dumps(self._slimmed(item, length)))

        try:
            envelope = json.loads(await ListReader(take).read(self._content))
        except ValueError as error:
            raise aiohttp.ClientPayloadError(f"the listing is not readable: {error}") from error
        envelope["items"] = []
        before, _, after = json.dumps(envelope).partition('"items": []')
        return f'{before}"items": [{",".join(items)}]{after}'.encode()


async def slim_answers(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Slim what the API server answers to a listing or a watch.

    A watch that a proxy ends within a line fails as any broken connection does. To Kopf, half an
    event would be a fault of its own, after which the operator stops.
    """
    response = await handler(request)
    if response.status != HTTPStatus.OK or request.method != "GET":
        return response
    body = _body_of(request.url.query)
    if body is not None:
        slimmed = body(response.content, slimmer_for(request.url.path))
        response.content = cast("aiohttp.StreamReader", slimmed)
    return response


def _body_of(query: Mapping[str, str]) -> type[_SlimLines | _SlimList] | None:
    if query.get("watch"):
        return _SlimLines
    return _SlimList if "limit" in query else None
