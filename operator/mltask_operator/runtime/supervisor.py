"""Supervisor: owns every background task of the operator, so that none ends unseen.

A task is either kept or vital. If a kept task ends, it starts again after a pause that doubles. If
a vital one ends, the process must end. `check` tells the probe about both.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""A task that has run for longer than this is well again: its next pause is the first."""
UNWELL_AFTER_SECONDS = 600.0
"""How long a task may end again and again, until the probe fails."""


class TaskEnded(Exception):
    """A task without which the operator cannot go on has ended."""


@dataclass(slots=True)
class _Trouble:
    pause: float
    since: float
    fault: str


class Supervisor:
    """The background tasks of one operator, on one event loop."""

    def __init__(self) -> None:
        self.has_failed = asyncio.Event()
        """Set once a vital task has ended: the process must end."""
        self._failure = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._troubles: dict[str, _Trouble] = {}

    def keep(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run the work, and again whenever it ends. Cancel the returned task to stop it."""
        return self._start(name, lambda: self._run_again_and_again(name, work))

    def need(self, name: str, work: Work) -> asyncio.Task[None]:
        """Run the work, which must not end before `stop`: its end is the operator's."""
        return self._start(name, work)

    def check(self) -> None:
        """Raise TaskEnded if a vital task has ended."""
        if self._failure:
            raise TaskEnded(self._failure)

    def check_alive(self) -> None:
        """Raise RuntimeError if a vital task has ended, or a kept one has failed for too long."""
        if self._failure:
            raise RuntimeError(self._failure)
        now = asyncio.get_running_loop().time()
        for name, trouble in self._troubles.items():
            if now - trouble.since > UNWELL_AFTER_SECONDS:
                raise RuntimeError(f"background task {name} keeps ending: {trouble.fault}")

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        await self.cancel(*self._tasks)

    async def cancel(self, *tasks: asyncio.Task[None]) -> None:
        """Cancel these tasks, which is no failure, and wait until they have ended."""
        self._tasks.difference_update(tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, name: str, work: Work) -> asyncio.Task[None]:
        async def run() -> None:
            await work()

        task = asyncio.create_task(run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        fault = "it was cancelled" if task.cancelled() else _fault_of(task.exception())
        if task not in self._tasks:
            return  # It was to end.
        self._tasks.discard(task)
        self._failure = self._failure or f"background task {task.get_name()} ended: {fault}"
        self.has_failed.set()

    async def _run_again_and_again(self, name: str, work: Work) -> None:
        while True:
            error: BaseException | None = None
            try:
                await work()
            except asyncio.CancelledError as cancelled:
                # Only a request to end this task cancels it. Others come out of what it awaits.
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise
                error = cancelled
            except Exception as raised:
                error = raised
            trouble = self._trouble(name, _fault_of(error))
            logger.error(
                "background task %s ended, restarting it in %d s: %s",
                name,
                trouble.pause,
                trouble.fault,
                exc_info=None if isinstance(error, OSError) else error,
            )
            await asyncio.sleep(trouble.pause)
            asyncio.get_running_loop().call_later(
                LONGEST_PAUSE_SECONDS, self._forget, name, trouble
            )

    def _trouble(self, name: str, fault: str) -> _Trouble:
        now = asyncio.get_running_loop().time()
        last = self._troubles.get(name)
        if last is None:
            found = _Trouble(FIRST_PAUSE_SECONDS, now, fault)
        else:
            found = _Trouble(min(2 * last.pause, LONGEST_PAUSE_SECONDS), last.since, fault)
        self._troubles[name] = found
        return found

    def _forget(self, name: str, trouble: _Trouble) -> None:
        # A later end has replaced it.
        if self._troubles.get(name) is trouble:
            del self._troubles[name]


def _fault_of(error: BaseException | None) -> str:
    if error is None:
        return "it returned"
    return str(error) or type(error).__name__
