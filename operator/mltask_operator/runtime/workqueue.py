"""Work queue: each key waits in it at most once, and is never worked on twice at a time."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from mltask_operator.kube.errors import ApiError, StrayAnswer, Unreadable
from mltask_operator.runtime.lanes import Lanes
from mltask_operator.runtime.supervisor import Supervisor

logger = logging.getLogger(__name__)

FIRST_BACKOFF = timedelta(seconds=0.1)
LONGEST_BACKOFF = timedelta(seconds=60)
LONGEST_UNREADABLE_BACKOFF = timedelta(minutes=10)
"""For an object that cannot be read: only a change of it helps, and a watch shows that at once."""


class WorkQueue:
    """Hands keys to a bounded number of workers, on one event loop.

    A key that is woken while it is worked on is worked on again afterwards, so nothing that was
    observed in between is missed. Work may return a delay, after which its key is woken. A key
    whose work raises is retried after a pause that doubles from FIRST_BACKOFF to LONGEST_BACKOFF.
    If the API server asked for a pause, nothing wakes the key before its end.
    """

    def __init__(
        self,
        work: Callable[[str], Awaitable[timedelta | None]],
        workers: int,
        describe: Callable[[str], str] = str,
        lane_of: Callable[[str], str] = lambda _: "",
        most_of_a_lane: int | None = None,
    ) -> None:
        """Make a queue of `work` for that many workers; `describe` names a key in the log.

        `lane_of` returns the lane of a key: lanes are served in turn, and at most `most_of_a_lane`
        keys of one are worked on at once.
        """
        self._work = work
        self._describe = describe
        self._lane_of = lane_of
        self._worker_count = workers
        self._crowd = min(workers, most_of_a_lane or workers)
        self._workers: list[asyncio.Task[None]] = []
        self._supervisor: Supervisor | None = None
        self._ready = Lanes(self._crowd)
        self._queued: set[str] = set()
        self._active: dict[str, float] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._failures: dict[str, tuple[int, str]] = {}
        """How often in a row each key's work has failed, and what was logged of it last."""
        self._held: set[str] = set()
        """The keys for which the API server asked for a pause."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_stopping = False

    def wake(self, key: str) -> None:
        """Requeue the key: a worker takes it in its turn."""
        if key in self._held:
            return
        self._cancel_timer(key)
        if key in self._queued or self._is_stopping:
            return
        self._queued.add(key)
        if key not in self._active:
            self._ready.put(self._lane_of(key), key)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._queued)

    @property
    def is_crowded(self) -> bool:
        """Whether keys wait since no worker may take them now."""
        return len(self._active) >= self._crowd and len(self._ready) > 0

    def longest_work(self) -> timedelta:
        """Return for how long the oldest of the works under way has been so."""
        now = asyncio.get_running_loop().time()
        return timedelta(seconds=max((now - since for since in self._active.values()), default=0))

    def start(self, supervisor: Supervisor) -> None:
        """Start the workers, which this supervisor keeps."""
        self._supervisor = supervisor
        names = (f"worker-{number}" for number in range(self._worker_count))
        self._workers = [supervisor.keep(name, self._run) for name in names]

    async def stop(self, grace: timedelta) -> None:
        """Hand out no further key, give the work under way `grace` to end, then cancel it."""
        self._is_stopping = True
        self._queued.clear()
        self._ready.clear()
        for key in list(self._timers):
            self._cancel_timer(key)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace.total_seconds())
        if self._supervisor:
            await self._supervisor.cancel(*self._workers)

    async def _run(self) -> None:
        while True:
            lane, key = await self._ready.get()
            self._queued.discard(key)
            self._active[key] = asyncio.get_running_loop().time()
            self._idle.clear()
            # The key must not be lost if this worker ends for another reason than an error.
            delay: timedelta | None = LONGEST_BACKOFF
            try:
                delay = await self._attempt(key)
            finally:
                self._ready.done(lane)
                del self._active[key]
                if not self._active:
                    self._idle.set()
                self._requeue(key, delay)

    def _requeue(self, key: str, delay: timedelta | None) -> None:
        if key in self._held:
            self._queued.discard(key)
        if key in self._queued:
            self._ready.put(self._lane_of(key), key)
        elif delay is not None and not self._is_stopping:
            self._cancel_timer(key)
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay.total_seconds(), self._wake_later, key)

    async def _attempt(self, key: str) -> timedelta | None:
        try:
            delay = await self._work(key)
        except Exception as error:
            return self._after_failure(key, error)
        self._failures.pop(key, None)
        return delay

    def _after_failure(self, key: str, error: Exception) -> timedelta:
        """Return the pause before the next try; log the error unless it is that of the last one."""
        failures, logged = self._failures.get(key, (0, ""))
        text = str(error) or type(error).__name__
        is_unreadable = isinstance(error, Unreadable)
        longest = LONGEST_UNREADABLE_BACKOFF if is_unreadable else LONGEST_BACKOFF
        pause = min(FIRST_BACKOFF * (1 << min(failures, 16)), longest)
        if isinstance(error, ApiError | StrayAnswer) and error.retry_after:
            pause = max(pause, timedelta(seconds=error.retry_after))
            self._held.add(key)
        self._failures[key] = (failures + 1, text)
        # Log a traceback only for unexpected errors. Known errors fit on one line.
        logger.log(
            logging.DEBUG if text == logged else logging.WARNING,
            "%s: failed, retrying in %.1f s: %s",
            self._describe(key),
            pause.total_seconds(),
            text,
            exc_info=not isinstance(error, OSError),
            extra={"task_uid": key, "namespace": self._lane_of(key)},
        )
        return pause

    def _wake_later(self, key: str) -> None:
        self._held.discard(key)
        self.wake(key)

    def _cancel_timer(self, key: str) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
