"""An operator's process: the real Controller, its connection, and watches as Kopf has them."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, cast

from mltask_operator.kube import paths
from mltask_operator.kube.election import Election
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.server import Server
from tests.unit.faulty_api import Connection, FaultyApi

Json = dict[str, Any]


class _Candidacy:
    """An election that the test decides."""

    def __init__(self) -> None:
        self.is_won = asyncio.Event()

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        await self.is_won.wait()
        while True:
            try:
                await lead()
                break
            except OSError:
                await asyncio.sleep(1)  # the process ends, and the kubelet starts it again
        await asyncio.Event().wait()

    async def resign(self) -> None:
        pass


class SimulatedProcess:
    """A standby, until it is elected."""

    def __init__(self, api: FaultyApi, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._connection = Connection(api)
        self._candidacy = _Candidacy()
        self._events: dict[str, asyncio.Queue[tuple[str, Json]]] = {
            kind: asyncio.Queue() for kind in ("tasks", "pods")
        }
        self._quota_changes: asyncio.Queue[None] = asyncio.Queue()
        self.controller = Controller(
            cast(Server, self._connection),
            [],
            election=cast(Election, self._candidacy),
            sees_priorities=False,
            metrics=Metrics(),
            clock=clock,
        )
        self._running: list[asyncio.Task[Any]] = []

    def note(self, kind: str, event: str, body: Json) -> None:
        """Have the watches show this some time."""
        self._events[kind].put_nowait((event, body))
        self._quota_changes.put_nowait(None)

    async def start(self) -> None:
        """Start the controller and the watches."""
        await self.controller.start()
        watches = (
            self._watch("tasks", paths.tasks(None), self.controller.on_task_event),
            self._watch("pods", paths.pods(None), self.controller.on_pod_event),
            self._watch_quota(),
        )
        self._running = [asyncio.create_task(watch) for watch in watches]

    def lead(self) -> None:
        """Win the election."""
        self._candidacy.is_won.set()

    def die(self) -> None:
        """Have no effect from here on."""
        self._connection.is_cut = True
        for watch in self._running:
            watch.cancel()
        self._running = [asyncio.create_task(self.controller.stop())]

    async def stop(self) -> None:
        """End, and leave nothing behind."""
        self.die()
        await asyncio.gather(*self._running)

    async def _watch(
        self, kind: str, path: str, on_event: Callable[[str | None, Json], None]
    ) -> None:
        """List and watch. Now and then the watch breaks, and begins again with a listing."""
        time, random = asyncio.get_running_loop().time, self._api.random
        events = self._events[kind]
        while True:
            while not events.empty():
                events.get_nowait()
            self.controller.on_listing(path)
            listed: list[Json] = []
            selector = "mltask.dev/task-uid" if kind == "pods" else ""
            await self._api.list(path, listed.append, selector)
            await self._lag()
            for body in listed:
                on_event(None, body)
            breaks_at = time() + random.choice([5, 50, 500])
            while self._api.is_calm or time() < breaks_at:
                try:
                    event, body = await asyncio.wait_for(events.get(), 5)
                except TimeoutError:
                    continue
                await self._lag()
                on_event(event, copy.deepcopy(body))

    async def _watch_quota(self) -> None:
        while True:
            self.controller.on_quota_event("MODIFIED", self._api.quota("a"))
            await self._quota_changes.get()
            await self._lag()

    async def _lag(self) -> None:
        if not self._api.is_calm:
            await asyncio.sleep(self._api.random.choice([0, 0, 0.05, 1.5]))
