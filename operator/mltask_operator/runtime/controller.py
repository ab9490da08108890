"""The operator without its watches: it receives their events, and keeps every task going."""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mltask_operator.api import names
from mltask_operator.kube.election import Election
from mltask_operator.runtime.announcer import Announcer
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.listing import Lister, uid_of
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.priorities import Priorities
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.set_aside import SetAside
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.supervisor import Supervisor
from mltask_operator.runtime.workqueue import WorkQueue

logger = logging.getLogger(__name__)

WORKERS = 32
"""Requests for tasks in flight at once, and so nearly the most connections to the API server:
Events have a few of their own."""
WORKERS_PER_NAMESPACE = 24
"""The rest of the workers is for others, also while every request of a namespace times out."""
RESYNC_PERIOD = timedelta(minutes=10)
RESYNC_RETRY = timedelta(seconds=10)
RELIST_PAUSE = timedelta(seconds=1)
"""From the first sign that a watch was restarted: others that broke with it restart meanwhile."""
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
        self.tasks = Supervisor()
        """All background tasks."""
        self._election = election
        self._acts = False
        self._store = Store(clock)
        set_aside = SetAside(metrics.note_set_aside)
        self._lister = Lister(api, self._store, namespaces or (None,), set_aside)
        self._record_task = set_aside.guarded(names.KIND, self._store.record_task, uid_of)
        self._record_pod = set_aside.guarded("Pod", self._store.record_pod, lambda _: None)
        self._record_quota = set_aside.guarded("ResourceQuota", self._note_quota, lambda _: None)
        self._sees_priorities = sees_priorities
        self._priorities = Priorities(api)
        self._quota = QuotaQueue(self._wake, self._priorities.value, self._priorities.default_class)
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
        self._queue = WorkQueue(
            metrics.timed(reconciler.reconcile),
            WORKERS,
            self._describe,
            self._namespace_of,
            WORKERS_PER_NAMESPACE,
        )
        census = Census(self._store, self._quota, self._queue, lambda: self._acts)
        metrics.add_census(census)
        self._listed_at = float("inf")
        self._has_gap = asyncio.Event()
        """Set after a watch began again: it never shows what was removed in between."""
        self._listed: set[str] = set()
        """The paths of the collections that Kopf has listed."""
        self._is_kopf_listing = False

    async def start(self) -> None:
        """Act, or be a standby. Raise ApiError, Unreachable or Unreadable if a listing fails."""
        self._listed_at = time.monotonic()
        if self._sees_priorities:
            await self._priorities.refresh()
        self.tasks.keep("resync", self._list_all_periodically)
        self.tasks.keep("look", self._look_for_new_tasks)
        if self._sees_priorities:
            self.tasks.keep("priorities", self._learn_priorities)
        if self._election is None:
            await self._take_over()
        else:
            # A leader that no longer renews the Lease must end, and so the election is not kept.
            self.tasks.need("election", functools.partial(self._election.run, self._take_over))

    async def stop(self) -> None:
        """Finish the requests in flight, and start no others."""
        await self._queue.stop(STOP_GRACE)
        await self._announcer.stop()
        await self.tasks.stop()
        if self._election:
            await self._election.resign()

    async def _take_over(self) -> None:
        await self._lister.catch_up()
        self._act()

    def _act(self) -> None:
        """Start to act for every task that isn't settled."""
        # First of all, so that tasks that waited for quota before a restart keep their places.
        for task in self._store.waiting_for_quota():
            self._quota.park(task)
        self._acts = self._store.verifies_removals = True
        for uid in self._store.unsettled():
            self._queue.wake(uid)
        self._queue.start(self.tasks)
        logger.info("acting as the leader: %d tasks are open", len(self._store.unfinished()))

    def on_task_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Record an event of an MLTask: ADDED, MODIFIED, DELETED, or None for a listed one."""
        uid = uid_of(body)
        if uid is None:
            return
        if kind == "DELETED":
            self._wake(self._store.record_task_removed(uid))
            self._quota.leave(uid)
        else:
            self._is_kopf_listing |= kind is None
            self._wake(self._record_task(body))

    def on_listing(self, path: str) -> None:
        """Note that Kopf lists the collection of this path, as it does before each watch."""
        if path in self._listed:
            self._has_gap.set()
        self._listed.add(path)

    def on_pod_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Record an event of a Pod; `kind` is as above."""
        if kind == "DELETED":
            self._wake(self._store.record_pod_removed(body))
        else:
            self._wake(self._record_pod(body))

    def on_quota_event(self, kind: str | None, body: dict[str, Any]) -> None:
        """Record an event of a ResourceQuota; `kind` is as above."""
        self._record_quota({**body, "type": kind})

    def _note_quota(self, body: dict[str, Any]) -> None:
        self._quota.note_quota(body["type"], body)

    def check_alive(self) -> None:
        """Raise RuntimeError if work hangs, or if a background task has ended."""
        self.tasks.check_alive()
        if (taken := self._queue.longest_work()) > STUCK_AFTER:
            raise RuntimeError(f"work on a task has been in progress for {taken}")
        if time.monotonic() - self._listed_at > UNLISTED_AFTER.total_seconds():
            raise RuntimeError(f"tasks and Pods could not be listed for {UNLISTED_AFTER}")

    def _describe(self, key: str) -> str:
        owner = self._store.owner(key)
        return f"{owner.namespace}/{owner.name}" if owner else key

    def _namespace_of(self, key: str) -> str:
        owner = self._store.owner(key)
        return owner.namespace if owner else ""

    def _wake(self, key: str | None) -> None:
        # A standby keeps no work queue. When it becomes the leader, it queues every task.
        if key is not None and self._acts:
            self._queue.wake(key)

    async def _list_all(self) -> None:
        if self._sees_priorities:
            await self._priorities.refresh()
        for key in await self._lister.list_all():
            self._wake(key)
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
                logger.warning("failed to relist MLTasks and Pods: %s", error)
            except BaseException:
                # The supervisor restarts this task, which must then list soon.
                self._has_gap.set()
                raise

    async def _look_for_new_tasks(self) -> None:
        """List the open tasks while Kopf lists all of them, and so shows nothing that is new.

        With many finished tasks that takes Kopf a minute, at the start and after a broken watch.
        """
        while True:
            await asyncio.sleep(LOOK_PERIOD.total_seconds())
            is_listing, self._is_kopf_listing = self._is_kopf_listing, False
            if not is_listing or not self._acts:
                continue
            try:
                for key in await self._lister.read_open():
                    self._wake(key)
            except OSError as error:
                logger.warning("failed to list the open MLTasks: %s", error)

    async def _learn_priorities(self) -> None:
        """List the PriorityClasses when a task names an unknown one, but not too often."""
        while True:
            await self._priorities.are_wanted.wait()
            try:
                await self._priorities.refresh()
                self._quota.wake_all()
            except OSError as error:
                logger.warning("failed to list the PriorityClasses: %s", error)
            await asyncio.sleep(PRIORITIES_PAUSE.total_seconds())
