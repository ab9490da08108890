"""Patience: how often and for how long failing requests are retried."""

import asyncio
import time
from dataclasses import dataclass

from mltask.errors import MLTaskError, NoCredentials, Refused, Unreachable, Unreadable

EXPIRED = 410
TOO_MANY_REQUESTS = 429
MAX_RETRY_AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class Patience:
    """When failing requests are retried. All times are in seconds."""

    seconds: float = 60.0
    """For how long an API server that does not answer is asked again: an upgrade takes less."""
    pause: float = 1.0
    longest_pause: float = 10.0
    """Pauses double from `pause` to this, or are as long as the server's Retry-After."""


class Retries:
    """The pauses of one activity that goes on until it succeeds."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._failing_since: float | None = None
        self._opened_at: float | None = None
        self._pause = patience.pause

    def note_open(self) -> None:
        """Note that the API server has begun a stream."""
        self._opened_at = time.monotonic()

    def has_lasted(self) -> bool:
        """Return whether a stream was open for a while. Load balancers cut those that are quiet."""
        opened_at = self._opened_at
        return opened_at is not None and time.monotonic() - opened_at >= self._patience.pause

    def reset(self) -> None:
        """Note that all is well: the next pause is a short one."""
        self.note_answer()
        self._pause = self._patience.pause

    def note_answer(self) -> None:
        """Note that the API server has answered, so that patience begins again."""
        self._failing_since = None

    async def pause(self, error: MLTaskError | None) -> None:
        """Pause before the next try. Raises the error if no retry can help, or patience is over."""
        if error:
            self._check(error)
        asked = error.retry_after if isinstance(error, Refused) else 0.0
        self._opened_at = None
        await asyncio.sleep(max(self._pause, min(asked, MAX_RETRY_AFTER_SECONDS)))
        self._pause = min(2 * self._pause, self._patience.longest_pause)

    def _check(self, error: MLTaskError) -> None:
        if not _is_transient(error):
            raise error
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since > self._patience.seconds:
            raise error


def _is_transient(error: MLTaskError) -> bool:
    if isinstance(error, Refused):
        return error.code in (EXPIRED, TOO_MANY_REQUESTS) or error.code >= 500
    return isinstance(error, Unreachable | Unreadable | NoCredentials)
