"""A queue of keys: each waits there once at most, and none is ever worked on twice at a time."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mltask_operator.kube.errors import ApiError

logger = logging.getLogger(__name__)

FIRST_BACKOFF = timedelta(seconds=0.1)
LONGEST_BACKOFF = timedelta(seconds=60)


class WorkQueue:
    """Hands keys to a bounded number of workers, on one event loop.

    A key that is woken while it is worked on is worked on once more afterwards, so nothing that
    was observed in between is missed. Work may return a delay, after which its key is woken by
    itself. A key whose work raises is tried again, after a pause that doubles from FIRST_BACKOFF
    to LONGEST_BACKOFF. Where the API server asked for a pause, nobody wakes the key before.
    """

    def __init__(
        self,
        work: Callable[[str], Awaitable[timedelta | None]],
        workers: int,
        describe: Callable[[str], str] = str,
    ) -> None:
        """Make a queue of `work` for that many workers; `describe` names a key in the log."""
        self._work = work
        self._describe = describe
        self._worker_count = workers
        self._workers: list[asyncio.Task[None]] = []
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._active: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, int] = {}
        self._held: set[str] = set()
        """The keys for which the API server asked for a pause."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_stopping = False

    def wake(self, key: str) -> None:
        """Have the key worked on as soon as a worker is free."""
        if key in self._held:
            return
        self._cancel_timer(key)
        if key in self._queued or self._is_stopping:
            return
        self._queued.add(key)
        if key not in self._active:
            self._ready.put_nowait(key)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._queued)

    @property
    def is_crowded(self) -> bool:
        """Whether keys wait and every worker is at work."""
        return len(self._active) == self._worker_count and not self._ready.empty()

    def longest_work(self) -> timedelta:
        """Return for how long the oldest of the works under way has been so."""
        now = asyncio.get_running_loop().time()
        return timedelta(seconds=max((now - since for since in self._active.values()), default=0))

    def start(self) -> None:
        """Start the workers."""
        self._workers = [
            asyncio.create_task(self._run(), name=f"worker-{number}")
            for number in range(self._worker_count)
        ]

    async def stop(self, grace: timedelta) -> None:
        """Hand out no further key, give the work under way `grace` to end, then cancel it."""
        self._is_stopping = True
        self._queued.clear()
        while not self._ready.empty():
            self._ready.get_nowait()
        for key in list(self._timers):
            self._cancel_timer(key)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace.total_seconds())
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._active[key] = loop.time()
            self._idle.clear()
            try:
                delay = await self._attempt(key)
            finally:
                del self._active[key]
                if not self._active:
                    self._idle.set()
            if key in self._held:
                self._queued.discard(key)
            if key in self._queued:
                self._ready.put_nowait(key)
            elif delay is not None and not self._is_stopping:
                self._cancel_timer(key)
                self._timers[key] = loop.call_later(delay.total_seconds(), self._wake_later, key)

    async def _attempt(self, key: str) -> timedelta | None:
        try:
            delay = await self._work(key)
        except Exception as error:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            pause = min(FIRST_BACKOFF * (1 << min(failures - 1, 16)), LONGEST_BACKOFF)
            if isinstance(error, ApiError) and error.retry_after:
                pause = max(pause, timedelta(seconds=error.retry_after))
                self._held.add(key)
            # A traceback helps only with what nobody foresaw; a known fault says all in a line.
            logger.warning(
                "%s: could not go on, next try in %.1f s: %s",
                self._describe(key),
                pause.total_seconds(),
                error,
                exc_info=not isinstance(error, OSError),
                extra={"task_uid": key},
            )
            return pause
        self._failures.pop(key, None)
        return delay

    def _wake_later(self, key: str) -> None:
        self._held.discard(key)
        self.wake(key)

    def _cancel_timer(self, key: str) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
