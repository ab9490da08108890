"""JSON lists, read one item at a time.

A page of a listing may hold hundreds of megabytes, since a user's object may have 1.5 MB and JSON
takes some thirty times its size as Python objects. So a page is never parsed as a whole.
"""

import asyncio
import codecs
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

Json = dict[str, Any]

CHUNK_BYTES = 256 * 1024
LARGE_ITEM = 64 * 1024
"""Characters from which on an item takes so long to parse that other tasks get a turn after it."""

_ITEMS = re.compile(r'"items"\s*:\s*(?P<start>\[|null)')
_SEPARATOR = re.compile(r"[\s,]*")
_parse = json.JSONDecoder().raw_decode


class Chunks(Protocol):
    """A stream of bytes: `aiohttp.StreamReader`, for example."""

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """Yield up to n bytes at a time."""
        ...


class ListReader:
    """Reads a Kubernetes list object, and hands each item to `take` with its length."""

    def __init__(self, take: Callable[[Json, int], object]) -> None:
        self._take = take
        self._envelope: str | None = None
        """What comes before the items, once they have begun."""
        self._has_ended = False
        self._text = ""
        """What was received and not yet read."""
        self._retry_at = 0
        """How long the text must be before it is worth another look at an incomplete item."""
        self.length = 0
        """How many characters were received."""
        self.count = 0
        """How many items were read."""

    async def read(self, content: Chunks) -> bytes:
        """Read all of the list; return it without its items, for example to see its metadata.

        Raise ValueError where it is no JSON list of objects.
        """
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        async for data in content.iter_chunked(CHUNK_BYTES):
            text = decode(data)
            self.length += len(text)
            self._text += text
            await self._take_all()
        self._retry_at = 0
        await self._take_all()
        if self._envelope is not None and not self._has_ended:
            raise ValueError("the list ends within its items")
        return f"{self._envelope or ''}{self._text}".encode()

    async def _take_all(self) -> None:
        if self._envelope is None:
            found = _ITEMS.search(self._text)
            if found is None or found["start"] == "null":
                return
            self._envelope, self._text = self._text[: found.end()], self._text[found.end() :]
        while not self._has_ended:
            if not self._take_some():
                return
            await asyncio.sleep(0)

    def _take_some(self) -> bool:
        """Take items up to a large one; return whether there may be more in the text."""
        position = 0
        try:
            while True:
                position = _SEPARATOR.match(self._text, position).end()  # type: ignore[union-attr]
                if self._text.startswith("]", position):
                    self._has_ended = True
                    return False
                if position == len(self._text) or len(self._text) < self._retry_at:
                    return False
                try:
                    item, end = _parse(self._text, position)
                except ValueError:
                    # It is incomplete. To look again at twice the length keeps this linear.
                    self._retry_at = 2 * (len(self._text) - position)
                    return False
                if not isinstance(item, dict):
                    raise ValueError("an item of the list is no object")
                length, position, self._retry_at = end - position, end, 0
                self.count += 1
                self._take(item, length)
                if length >= LARGE_ITEM:
                    return True
        finally:
            self._text = self._text[position:]
