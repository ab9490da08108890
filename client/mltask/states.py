"""How things stand, again and again: a listing, then a watch that goes on from it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from mltask.errors import Refused, Unreachable
from mltask.transport import Transport

Json = dict[str, Any]
T = TypeVar("T")

WATCH_SECONDS = 240
"""After which the API server is to end a watch, so that one on a dead connection is noticed."""
MARGIN_SECONDS = 30
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 60
"""For how long an API server that does not answer is asked again: an upgrade takes less."""
EXPIRED = 410


async def states(
    api: Transport, path: str, read: Callable[[Json], T], **selectors: str
) -> AsyncGenerator[Mapping[str, T]]:
    """Yield all objects below a path, by uid, as they are now and after each change.

    What is yielded is one mapping, which changes. `read` makes of an object what is wanted of it;
    `selectors` are labelSelector and fieldSelector. A watch that ends goes on where it ended, and
    lists anew where the API server knows no more what has changed since. Raises Refused, and
    Unreachable where nobody answers for PATIENCE_SECONDS.
    """
    known: dict[str, T] = {}
    version = ""
    failing_since: float | None = None
    while True:
        try:
            if not version:
                listed, version = await _list(api, path, read, selectors)
                known.clear()
                known.update(listed)
                yield known
            async with aclosing(_watch(api, path, version, selectors)) as events:
                async for kind, thing in events:
                    failing_since = None
                    version = thing["metadata"]["resourceVersion"]
                    if kind == "BOOKMARK":
                        continue
                    if kind == "DELETED":
                        known.pop(thing["metadata"]["uid"], None)
                    else:
                        known[thing["metadata"]["uid"]] = read(thing)
                    yield known
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.code == EXPIRED:
                version = ""
                continue
            if isinstance(error, Refused) and error.code != 429 and error.code < 500:
                raise
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > PATIENCE_SECONDS:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


async def _list(
    api: Transport, path: str, read: Callable[[Json], T], selectors: dict[str, str]
) -> tuple[dict[str, T], str]:
    found: dict[str, T] = {}
    version = ""
    async for page in api.pages(path, **selectors):
        found |= {item["metadata"]["uid"]: read(item) for item in page["items"]}
        version = page["metadata"]["resourceVersion"]
    return found, version


async def _watch(
    api: Transport, path: str, version: str, selectors: dict[str, str]
) -> AsyncGenerator[tuple[str, Json]]:
    """Yield type and object of each event since a version, until the watch ends."""
    options: dict[str, str | int] = {
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": WATCH_SECONDS,
        **selectors,
    }
    async with api.stream(path, seconds=WATCH_SECONDS + MARGIN_SECONDS, **options) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                code = status.get("code") or 500
                raise Refused(code, status.get("reason") or "", status.get("message") or "")
            yield event["type"], event["object"]


async def merged(**sources: AsyncIterator[T]) -> AsyncGenerator[tuple[str, T]]:
    """Yield what comes from any of the sources, with its name; raise what any of them raises."""
    arrived: asyncio.Queue[tuple[str, T] | Exception] = asyncio.Queue(maxsize=1)

    async def pass_on(name: str, source: AsyncIterator[T]) -> None:
        try:
            async for each in source:
                await arrived.put((name, each))
        except Exception as error:  # whatever it is, the reader has to know
            await arrived.put(error)

    readers = [asyncio.ensure_future(pass_on(*source)) for source in sources.items()]
    try:
        while True:
            each = await arrived.get()
            if isinstance(each, Exception):
                raise each
            yield each
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
