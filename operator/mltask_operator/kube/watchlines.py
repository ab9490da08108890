"""A watch that ends in the middle of an event has broken off, and Kopf is to take it for that."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, cast

import aiohttp


class _WholeLines:
    """The body of a watch: JSON objects, a line each."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield what comes. Raise ClientPayloadError where it ends within a line."""
        is_whole = True
        async for data in self._content.iter_chunked(size):
            is_whole = data.endswith(b"\n")
            yield data
        if not is_whole:
            raise aiohttp.ClientPayloadError("the watch has ended in the middle of an event")


async def broken_off_within_a_line(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Let a watch fail, as any broken connection does, where a proxy ends it within a line.

    To Kopf the half of an event would be a fault of its own, after which the operator stops.
    """
    response = await handler(request)
    if request.url.query.get("watch") and response.status == HTTPStatus.OK:
        response.content = cast("aiohttp.StreamReader", _WholeLines(response.content))
    return response
