"""What Kopf receives: slim objects, and nothing that would end the operator.

Kopf raises, and so stops, for an answer that it does not expect: half an event, an error in a
watch, a proxy's error page, a Retry-After that is no number. Here, all of these become broken
connections, after which Kopf connects or lists again, for as long as it takes.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from yarl import URL

from mltask_operator.kube.answers import NOT_AS_EXPECTED, parsed, version_of_list
from mltask_operator.kube.errors import StrayAnswer, error_from
from mltask_operator.kube.jsonlist import ListReader
from mltask_operator.kube.slim import Slimmer, slimmer_for

logger = logging.getLogger(__name__)

Json = dict[str, Any]

LONG_LINE = 4 * 1024
"""Bytes from which on an event is slimmed before Kopf queues it. For a shorter one that isn't worth
parsing it twice."""
BREAK_PAUSE_SECONDS = 1.0
"""Kopf lists or watches again at once after a broken body, and so would do it in a hot loop."""
_EVENTS = ("ADDED", "MODIFIED", "DELETED")
_KNOWN_LINES = tuple(f'{{"type":"{kind}","object":{{'.encode() for kind in (*_EVENTS, "BOOKMARK"))
"""How each line of a watch begins, as the API server writes it."""
_RELIST = b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n'
"""The event upon which Kopf lists again: 410 Gone."""


class _SlimLines:
    """The body of a watch: JSON objects, a line each."""

    def __init__(self, content: aiohttp.StreamReader, path: str, slimmed: Slimmer) -> None:
        self._content = content
        self._path = path
        self._slimmed = slimmed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yield whole lines. Raise ClientPayloadError if the watch ends within a line."""
        parts: list[bytes] = []
        async for data in self._content.iter_chunked(size):
            *lines, rest = data.split(b"\n")
            if lines:
                lines[0] = b"".join((*parts, lines[0]))
                parts = []
                yield b"".join([await self._line(line) for line in lines])
            if rest:
                parts.append(rest)
        if parts:
            raise aiohttp.ClientPayloadError("the watch has ended in the middle of an event")

    async def _line(self, line: bytes) -> bytes:
        if len(line) < LONG_LINE and line.startswith(_KNOWN_LINES):
            return line + b"\n"
        try:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return await self._after_error(event["object"])
            if event["type"] in _EVENTS:
                event["object"] = self._slimmed(event["object"], len(line))
            elif not isinstance(event["object"], dict):
                raise TypeError("no object")
        except NOT_AS_EXPECTED as error:
            raise await _broken(self._path, "the watch shows no event") from error
        return json.dumps(event).encode() + b"\n"

    async def _after_error(self, status: Json) -> bytes:
        # As other watchers do, list again after any error. Only 410 Gone is no fault.
        if status.get("code") != HTTPStatus.GONE:
            await _broken(self._path, f"watch error {status.get('code')}: {status.get('message')}")
        return _RELIST


class _TakenList:
    """The body of a listing, whose items Kopf never sees."""

    def __init__(
        self,
        content: aiohttp.StreamReader,
        path: str,
        slimmed: Slimmer,
        take: Callable[[Json], object],
    ) -> None:
        self._content = content
        self._path = path
        self._slimmed = slimmed
        self._take = take

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def read(self) -> bytes:
        """Take all items; return the list without. Raise ClientPayloadError for no JSON list."""
        reader = ListReader(lambda item, length: self._take(self._slimmed(item, length)))
        try:
            rest = await reader.read(self._content)
            version_of_list(parsed(rest))
        except (*NOT_AS_EXPECTED, StrayAnswer) as error:
            raise await _broken(self._path, f"the listing is not readable: {error}") from error
        return rest


class SlimAnswers:
    """A middleware of Kopf's session: it slims what the API server answers to Kopf.

    The items of a listing go to `take` at once, with the plural name of their resource, and Kopf
    gets an empty list. It would start a task for each item, which takes a millisecond: among 50,000
    objects nothing new was seen for a minute. A watch reaches Kopf event by event.
    """

    def __init__(
        self, take: Callable[[str, Json], object], on_listing: Callable[[str], object]
    ) -> None:
        """Call `take` as above. Call `on_listing` with the path of each listing that begins."""
        self._take = take
        self._on_listing = on_listing

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Answer the request.

        Raise ClientConnectionError if the answer is not the API server's, or says that the API
        server cannot answer now. Kopf retries after that, with pauses that grow.
        """
        response = await handler(request)
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            await _check_refusal(response)
        elif response.content_type != "application/json":
            response.close()
            raise aiohttp.ClientConnectionError(
                str(StrayAnswer(response.status, response.content_type))
            )
        elif request.method == "GET":
            response.content = cast("aiohttp.StreamReader", self._slim(request.url, response))
        return response

    def _slim(self, url: URL, response: aiohttp.ClientResponse) -> object:
        slimmed, plural = slimmer_for(url.path), url.path.rpartition("/")[2]
        if url.query.get("watch"):
            return _SlimLines(response.content, url.path, slimmed)
        if "limit" in url.query:
            if "continue" not in url.query:
                self._on_listing(url.path)
            take = partial(self._take, plural)
            return _TakenList(response.content, url.path, slimmed, take)
        return response.content


async def _check_refusal(response: aiohttp.ClientResponse) -> None:
    """Return for a refusal that Kopf is to see; raise ClientConnectionError for any other."""
    error = error_from(
        response.status, await response.read(), response.headers.get("Retry-After", "")
    )
    is_passing = error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500
    if error.code == HTTPStatus.UNAUTHORIZED:
        return  # Kopf logs in again.
    if error.code == HTTPStatus.NOT_FOUND and not response.url.query:
        return  # Kopf asks which versions exist, and the API server answers in plain text.
    if is_passing or isinstance(error, StrayAnswer):
        await asyncio.sleep(error.retry_after)
        raise aiohttp.ClientConnectionError(str(error))


async def _broken(path: str, why: str) -> aiohttp.ClientPayloadError:
    """Log why a body breaks, wait, and return the error to raise."""
    logger.warning("%s: %s; connecting again", path, why[:300])
    await asyncio.sleep(BREAK_PAUSE_SECONDS)
    return aiohttp.ClientPayloadError(why)
