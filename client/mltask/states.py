"""The states of objects, again after each change: a listing, then a watch that continues from it.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from mltask.errors import MLTaskError, Refused
from mltask.patience import EXPIRED, Retries
from mltask.transport import Transport

Json = dict[str, Any]
T = TypeVar("T")

WATCH_SECONDS = 240
"""After which the API server is to end a watch, so that one on a dead connection is noticed."""
MARGIN_SECONDS = 30


async def states(
    api: Transport, path: str, read: Callable[[Json], T], **selectors: str
) -> AsyncGenerator[Mapping[str, T]]:
    """Yield all objects below a path, by uid, as they are now and after each change.

    What is yielded is one mapping, which changes. `read` makes of an object what is wanted of it;
    `selectors` are labelSelector and fieldSelector. A watch that ends continues where it ended. One
    that ends at once and shows nothing is followed by a new listing, after a pause. Raises what
    Transport raises, once the client's patience is over.
    """
    known: dict[str, T] = {}
    version = ""
    retries = Retries(api.patience)
    while True:
        has_events = False
        fault: MLTaskError | None = None
        try:
            if not version:
                listed, version = await _list(api, path, read, selectors)
                retries.note_answer()
                known.clear()
                known.update(listed)
                yield known
            async with aclosing(_watch(api, path, version, selectors)) as events:
                async for event in events:
                    if event is None:
                        retries.note_open()
                        continue
                    has_events = True
                    retries.reset()
                    kind, uid, version, thing = event
                    if kind == "BOOKMARK":
                        continue
                    if kind == "DELETED":
                        known.pop(uid, None)
                    else:
                        known[uid] = read(thing)
                    yield known
        except MLTaskError as error:
            fault = error
        if was_useful := has_events or retries.has_lasted():
            retries.reset()
        if not was_useful or (isinstance(fault, Refused) and fault.code == EXPIRED):
            version = ""
        await retries.pause(fault)


async def _list(
    api: Transport, path: str, read: Callable[[Json], T], selectors: dict[str, str]
) -> tuple[dict[str, T], str]:
    found: dict[str, T] = {}
    version = ""
    async for page in api.pages(path, **selectors):
        try:
            found |= {item["metadata"]["uid"]: read(item) for item in page["items"]}
            version = page["metadata"]["resourceVersion"]
        except (LookupError, TypeError) as error:
            raise api.unreadable(json.dumps(page)) from error
    return found, version


Event = tuple[str, str, str, Json]
"""Type of an event; uid, resourceVersion and all of its object."""


async def _watch(
    api: Transport, path: str, version: str, selectors: dict[str, str]
) -> AsyncGenerator[Event | None]:
    """Yield None once the watch is open, then each event, until it ends."""
    options: dict[str, str | int] = {
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": WATCH_SECONDS,
        **selectors,
    }
    async with api.stream(path, seconds=WATCH_SECONDS + MARGIN_SECONDS, **options) as lines:
        yield None
        try:
            async for line in lines:
                yield _event(api, line)
        except ValueError as error:  # a line without an end
            raise api.unreadable(str(error)) from error


def _event(api: Transport, line: bytes) -> Event:
    """Return the event of a line. Raises Refused for an ERROR, and Unreadable."""
    event = api.parsed(line)
    try:
        kind, thing = event["type"], event["object"]
        if kind != "ERROR":
            metadata = thing["metadata"]
            return kind, metadata.get("uid", ""), metadata["resourceVersion"], thing
        raise Refused(
            thing.get("code") or 500, thing.get("reason") or "", thing.get("message") or ""
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise api.unreadable(line.decode(errors="replace")) from error


async def merged(**sources: AsyncIterator[T]) -> AsyncGenerator[tuple[str, T]]:
    """Yield what comes from any of the sources, with its name; raise what any of them raises."""
    arrived: asyncio.Queue[tuple[str, T] | Exception] = asyncio.Queue(maxsize=1)

    async def pass_on(name: str, source: AsyncIterator[T]) -> None:
        try:
            async for each in source:
                await arrived.put((name, each))
        except Exception as error:  # the reader gets any error
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
