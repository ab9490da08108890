"""Supervisor: owns the operator's background tasks, so that none of them ends unseen."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
SOUND_AFTER = timedelta(minutes=2)
"""A task that has run for so long is sound again: the next failure has the first pause."""
UNSOUND_AFTER = timedelta(minutes=5)
"""A task that has kept failing for so long makes the operator unhealthy."""


@dataclass(slots=True)
class _State:
    began_at: float
    failures: int = 0
    failing_since: float | None = None


class Supervisor:
    """Runs tasks that never end. One that does is restarted, with a growing pause.

    Each of them handles the errors that it expects. So an end is an error of the operator itself,
    and it is logged with a traceback.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Own no task yet. The clock returns seconds."""
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Work) -> None:
        """Run `work`, which should never return, until `stop`."""
        self._states[name] = _State(self._clock())
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def stop(self) -> None:
        """Cancel all tasks, and return once they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def check(self) -> None:
        """Raise RuntimeError if a task keeps failing."""
        now = self._clock()
        for name, state in self._states.items():
            if state.failing_since is None or now - state.began_at >= SOUND_AFTER.total_seconds():
                continue
            if now - state.failing_since >= UNSOUND_AFTER.total_seconds():
                raise RuntimeError(f"the background task {name} has failed {state.failures} times")

    async def _keep(self, name: str, work: Work) -> None:
        while True:
            self._states[name].began_at = self._clock()
            error: BaseException | None = None
            try:
                await work()
            except (Exception, asyncio.CancelledError) as raised:
                # A library may raise CancelledError though nobody has cancelled this task.
                if (current := asyncio.current_task()) and current.cancelling():
                    raise
                error = raised
            pause = self._note_end(name)
            logger.error(
                "the background task %s ended unexpectedly, restarting it in %d s",
                name,
                pause,
                exc_info=error,
            )
            await asyncio.sleep(pause)

    def _note_end(self, name: str) -> float:
        """Return the seconds until the next start."""
        state, now = self._states[name], self._clock()
        if state.failing_since is None or now - state.began_at >= SOUND_AFTER.total_seconds():
            state.failures, state.failing_since = 0, now
        pause = FIRST_PAUSE.total_seconds() * 2.0 ** min(state.failures, 16)
        state.failures += 1
        return min(pause, LONGEST_PAUSE.total_seconds())
