"""Posts Events beside the tasks' own requests: as well as may be, and never in their way."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from mltask_operator.kube.errors import ApiError

logger = logging.getLogger(__name__)

Json = dict[str, Any]

AT_A_TIME = 4
MOST_WAITING = 1000
"""Each is 1 kB. A thousand tasks may begin to wait for quota in the same second."""
POST_TIMEOUT = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=1)
WARNING_PAUSE = timedelta(minutes=10)

_EXPECTED = (403, 404, 409)
"""What nothing is wrong with: the namespace goes or is gone, the right was not given (which is told
at the start), or the same Event is there already."""


class Announcer:
    """Hands Events to `post`, a few at a time; one that fails is not tried again."""

    def __init__(self, post: Callable[[Json], Awaitable[None]]) -> None:
        self._post = post
        self._waiting: deque[Json] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._warned_at = float("-inf")

    def tell(self, event: Json) -> None:
        """Post this some time. It neither waits nor raises."""
        if len(self._waiting) >= MOST_WAITING:
            self._complain("more Events than can be posted")
            return
        self._waiting.append(event)
        if len(self._senders) < AT_A_TIME:
            sender = asyncio.create_task(self._send(), name="events")
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    async def stop(self) -> None:
        """Give those under way a moment. Nothing is posted once this has returned."""
        if self._senders:
            await asyncio.wait(self._senders, timeout=STOP_GRACE.total_seconds())
        left = list(self._senders)
        for sender in left:
            sender.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _send(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            try:
                async with asyncio.timeout(POST_TIMEOUT.total_seconds()):
                    await self._post(event)
            except ApiError as error:
                if error.code not in _EXPECTED:
                    self._complain(str(error))
            except Exception as error:  # whatever it is, no task may feel it
                self._complain(str(error) or type(error).__name__)

    def _complain(self, why: str) -> None:
        """Say that an Event is lost: aloud only now and then, since no task is."""
        is_due = time.monotonic() - self._warned_at > WARNING_PAUSE.total_seconds()
        if is_due:
            self._warned_at = time.monotonic()
        logger.log(logging.WARNING if is_due else logging.DEBUG, "An Event is lost: %s", why)
