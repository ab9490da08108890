"""The operator without its watches: told of events, it keeps every task going."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mltask_operator.kube.election import Election
from mltask_operator.runtime.announcer import Announcer
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.listing import catch_up, list_all, read_open
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.priorities import Priorities
from mltask_operator.runtime.quotaqueue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue

logger = logging.getLogger(__name__)

WORKERS = 32
"""Requests for tasks under way at once, and so nearly the most connections to the API server:
Events have a few of their own."""
RESYNC_PERIOD = timedelta(minutes=10)
RESYNC_RETRY = timedelta(seconds=10)
RELIST_PAUSE = timedelta(seconds=1)
"""From the first sign that a watch has begun anew: others that were cut with it begin meanwhile."""
LOOK_PERIOD = timedelta(seconds=3)
PRIORITIES_PAUSE = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=3)
STUCK_AFTER = timedelta(minutes=25)
"""Longer than all actions of one go may take, with all their requests timing out."""
UNLISTED_AFTER = 3 * RESYNC_PERIOD


def now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


class Controller:
    """The tasks of some namespaces, or of all of them (`namespaces` empty).

    With an `election` it only watches until it is elected. Without `sees_priorities`, the right to
    list PriorityClasses, tasks wait for quota by age alone.
    """

    def __init__(
        self,
        api: Server,
        namespaces: Sequence[str],
        *,
        election: Election | None,
        sees_priorities: bool,
        metrics: Metrics,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._api = api
        self._election = election
        self._acts = False
        self._namespaces: Sequence[str | None] = namespaces or (None,)
        self._store = Store(clock)
        self._sees_priorities = sees_priorities
        self._priorities = Priorities(api)
        self._quota = QuotaQueue(self._wake, self._priorities.value)
        self._announcer = Announcer(api.create_event)
        reconciler = Reconciler(
            api,
            self._store,
            self._quota,
            clock,
            metrics,
            self._announcer.tell,
            is_crowded=lambda: self._queue.is_crowded,
        )
        self._queue = WorkQueue(metrics.timed(reconciler.reconcile), WORKERS, self._describe)
        census = Census(self._store, self._quota, self._queue, lambda: self._acts)
        metrics.add_census(census)
        self._listed_at = float("inf")
        self._has_gap = asyncio.Event()
        """Set where a watch has begun anew: of what went in between, it will never tell."""
        self._is_kopf_listing = False
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Act or stand by. Raise ApiError or Unreachable if what is to be known cannot be read."""
        self._listed_at = time.monotonic()
        if self._sees_priorities:
            await self._priorities.refresh()
        self._background = [
            asyncio.create_task(self._list_all_periodically(), name="resync"),
            asyncio.create_task(self._look_for_new_tasks(), name="look"),
        ]
        if self._sees_priorities:
            learning = asyncio.create_task(self._learn_priorities(), name="priorities")
            self._background.append(learning)
        if self._election is None:
            await self._take_over()
        else:
            candidacy = asyncio.create_task(self._election.run(self._take_over), name="election")
            self._background.append(candidacy)

    async def stop(self) -> None:
        """Let the requests under way end, and act no more."""
        await self._queue.stop(STOP_GRACE)
        await self._announcer.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._election:
            await self._election.resign()

    async def _take_over(self) -> None:
        await catch_up(self._api, self._store, self._namespaces)
        self._act()

    def _act(self) -> None:
        """Begin to act, for every task for which there is something to do."""
        # Before anybody asks: who waited for quota before a restart keeps his place.
        for task in self._store.waiting_for_quota():
            self._quota.park(task)
        self._acts = True
        for uid in self._store.unsettled():
            self._queue.wake(uid)
        self._queue.start()
        logger.info("The operator acts now; %d tasks are open", len(self._store.unfinished()))

    def on_task_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Note what a watch says of an MLTask: ADDED, MODIFIED, DELETED, or None for listed."""
        uid: str = body["metadata"]["uid"]
        if kind == "DELETED":
            self._wake(self._store.record_task_removed(uid))
            self._quota.leave(uid)
        else:
            self._is_kopf_listing |= kind is None
            self._wake(self._store.record_task(body))
            if self._store.note_watched(uid) and kind is None:
                self._has_gap.set()

    def on_pod_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Note what a watch says of a Pod, in the same words."""
        if kind == "DELETED":
            self._wake(self._store.record_pod_removed(body))
        else:
            self._wake(self._store.record_pod(body))

    def on_quota_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Note what a watch says of a ResourceQuota, in the same words."""
        self._quota.note_quota(kind, body)

    def check_alive(self) -> None:
        """Raise RuntimeError where work hangs that must have ended long ago."""
        if (taken := self._queue.longest_work()) > STUCK_AFTER:
            raise RuntimeError(f"work on a task has been under way for {taken}")
        if time.monotonic() - self._listed_at > UNLISTED_AFTER.total_seconds():
            raise RuntimeError(f"tasks and Pods could not be listed for {UNLISTED_AFTER}")

    def _describe(self, uid: str) -> str:
        seen = self._store.observe(uid)
        return f"{seen.owner.namespace}/{seen.owner.name}" if seen else uid

    def _wake(self, uid: str | None) -> None:
        # Who stands by keeps no list of what is to be done: that is all tasks, once it leads.
        if uid is not None and self._acts:
            self._queue.wake(uid)

    async def _list_all(self) -> None:
        if self._sees_priorities:
            await self._priorities.refresh()
        for uid in await list_all(self._api, self._store, self._namespaces):
            self._wake(uid)
        self._listed_at = time.monotonic()

    async def _list_all_periodically(self) -> None:
        pause = RESYNC_PERIOD
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_gap.wait(), pause.total_seconds())
                await asyncio.sleep(RELIST_PAUSE.total_seconds())
            self._has_gap.clear()
            pause = RESYNC_RETRY
            try:
                await self._list_all()
                self._quota.wake_all()
                pause = RESYNC_PERIOD
            except OSError as error:
                logger.warning("Could not list all tasks and Pods anew: %s", error)
            except Exception:
                # Whatever it is, the next listing must follow.
                logger.exception("Could not list all tasks and Pods anew")

    async def _look_for_new_tasks(self) -> None:
        """Read what is open as long as Kopf lists all tasks, and so shows nothing that is new.

        With many finished tasks that takes it a minute, at its start and where its watch breaks.
        """
        while True:
            await asyncio.sleep(LOOK_PERIOD.total_seconds())
            is_listing, self._is_kopf_listing = self._is_kopf_listing, False
            if not is_listing or not self._acts:
                continue
            try:
                for uid in await read_open(self._api, self._store, self._namespaces):
                    self._wake(uid)
            except OSError as error:
                logger.warning("Could not list the tasks that are open: %s", error)

    async def _learn_priorities(self) -> None:
        """List the PriorityClasses when one is asked for that is not known, if not too often."""
        while True:
            await self._priorities.are_wanted.wait()
            try:
                await self._priorities.refresh()
                self._quota.wake_all()
            except OSError as error:
                logger.warning("Could not list the PriorityClasses: %s", error)
            await asyncio.sleep(PRIORITIES_PAUSE.total_seconds())
