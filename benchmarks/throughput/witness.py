"""What a client of the API server sees of the Pods of a namespace, and when."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Json = dict[str, Any]

NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


@dataclass
class Life:
    """A task's moments by the clock of this process, in seconds; NaN until they have come."""

    asked: float = math.nan
    """When the client sent the task."""
    pod_seen: float = math.nan
    ended: float = math.nan
    """When the Pod was first seen to have succeeded."""
    gone: float = math.nan
    gone_pods: set[str] = field(default_factory=set)
    """The uids of its Pods that are gone."""


class Witness:
    """The lives of the tasks of a namespace, from one watch of its Pods.

    `on_end` is told the name of a Pod that has succeeded.
    """

    def __init__(self, label: str, on_end: Callable[[str], None]) -> None:
        self.lives: dict[str, Life] = {}
        self._left: set[str] = set()
        self._label = label
        self._on_end = on_end
        self._one_is_gone = asyncio.Event()

    def expect(self, tasks: list[str]) -> None:
        """Say which tasks there are going to be."""
        self.lives = {task: Life() for task in tasks}
        self._left = set(tasks)

    async def wait_until_all_are_gone(self, stuck_seconds: float) -> None:
        """Return when each task has had its Pod and that is gone, or when no more of them go."""
        while self._left:
            self._one_is_gone.clear()
            try:
                async with asyncio.timeout(stuck_seconds):
                    await self._one_is_gone.wait()
            except TimeoutError:
                return

    @asynccontextmanager
    async def watch(self, session: aiohttp.ClientSession, pods: str) -> AsyncIterator[None]:
        """Watch the Pods below this path, of which there are none yet, within the block."""
        async with session.get(pods) as listed:
            version = (await listed.json())["metadata"]["resourceVersion"]
        # A group, so that a failure to read ends the block too.
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(session, pods, version))
            yield
            reading.cancel()

    async def _read(self, session: aiohttp.ClientSession, pods: str, version: str) -> None:
        # The API server closes a watch on which it waits; one goes on where it was.
        while True:
            query = {"watch": "1", "resourceVersion": version}
            async with session.get(pods, params=query, timeout=NO_TIMEOUT) as events:
                async for line in events.content:
                    event = json.loads(line)
                    self._note(event["type"], event["object"], time.perf_counter())
                    version = event["object"]["metadata"]["resourceVersion"]

    def _note(self, kind: str, pod: Json, now: float) -> None:
        task = pod["metadata"]["labels"][self._label]
        life = self.lives[task]
        match kind:
            case "ADDED":
                life.pod_seen = now
            case "MODIFIED" if math.isnan(life.ended) and pod["status"]["phase"] == "Succeeded":
                life.ended = now
                self._on_end(pod["metadata"]["name"])
            case "DELETED":
                life.gone = now
                life.gone_pods.add(pod["metadata"]["uid"])
                self._left.discard(task)
                self._one_is_gone.set()
