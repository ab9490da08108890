"""Event posting: in the background, with bounds, and fair to every namespace.

No task waits for an Event, and the operator does not repeat a post that failed. Events wait in a
queue per namespace, and the senders serve the namespaces in turn. When too many wait, the
namespace with the most waiting Events loses its newest one.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.fair_queue import FairQueue

logger = logging.getLogger(__name__)

Json = dict[str, Any]

AT_A_TIME = 4
MOST_WAITING = 1000
"""Each takes 1 kB. A thousand tasks may start to wait for quota in the same second."""
POST_TIMEOUT = timedelta(seconds=5)
STOP_GRACE = timedelta(seconds=1)
WARNING_PAUSE = timedelta(minutes=10)
MOST_REMEMBERED = 1000
"""Namespaces whose losses are counted. The one without a loss for the longest is forgotten."""

_EXPECTED = (403, 404, 409)
"""Answers that are no fault: the namespace is being deleted or is gone, the optional permission is
missing (the start reports that), or the same Event exists already."""


class Announcer:
    """Hands Events to `post`, a few at a time."""

    def __init__(self, post: Callable[[Json], Awaitable[None]]) -> None:
        self._post = post
        self._waiting: FairQueue[Json] = FairQueue(MOST_WAITING)
        self._senders: set[asyncio.Task[None]] = set()
        self._is_stopped = False
        self._dropped = _Losses()
        self._failed = _Losses()
        self.dropped = 0
        """How many Events were dropped because too many waited."""
        self.failed = 0
        """How many Events could not be posted, except for the expected refusals."""

    def tell(self, event: Json) -> None:
        """Queue the Event for posting. Returns immediately and never raises."""
        if self._is_stopped:
            return
        loser = self._waiting.put(event["metadata"]["namespace"], event)
        if loser is not None:
            self._note_dropped(loser)
        if len(self._senders) < AT_A_TIME:
            self._start_sender()

    async def stop(self) -> None:
        """Wait for a second until waiting Events are posted. Nothing is posted after the return."""
        if self._senders:
            await asyncio.wait(self._senders, timeout=STOP_GRACE.total_seconds())
        self._is_stopped = True
        left = list(self._senders)
        for sender in left:
            sender.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _start_sender(self) -> None:
        self._senders.add(asyncio.create_task(self._send(), name="events"))

    async def _send(self) -> None:
        try:
            while self._waiting:
                await self._try_to_post(self._waiting.take())
        finally:
            # In the same step as the last look at the queue: a callback of the finished task runs
            # later, and until then `tell` would count on a sender that looks no longer.
            if sender := asyncio.current_task():
                self._senders.discard(sender)
            # Events that are left were not posted because something ended this sender.
            if self._waiting and not self._is_stopped:
                self._start_sender()

    async def _try_to_post(self, event: Json) -> None:
        try:
            async with asyncio.timeout(POST_TIMEOUT.total_seconds()):
                await self._post(event)
        except ApiError as error:
            if error.code not in _EXPECTED:
                self._note_failed(f"HTTP {error.code}")
        except Exception as error:  # no task may fail because of an Event
            self._note_failed(type(error).__name__)

    # Neither warning has text from the API server: a webhook or an object may have written it.

    def _note_dropped(self, namespace: str) -> None:
        self.dropped += 1
        if count := self._dropped.note(namespace):
            logger.warning(
                "dropped %d Events of namespace %s since the last such line: too many were waiting",
                count,
                namespace,
                extra={"namespace": namespace},
            )

    def _note_failed(self, why: str) -> None:
        self.failed += 1
        if count := self._failed.note(""):
            logger.warning(
                "failed to post %d Events since the last such line: %s",
                count,
                why,
            )


@dataclass(slots=True)
class _Loss:
    told_at: float
    """Seconds of the event loop's clock."""
    untold: int = 0


class _Losses:
    """Counts losses by key, and says when the next report is due."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[str, _Loss] = OrderedDict()

    def note(self, key: str) -> int:
        """Count one. Return the number to report now, or 0 if the last report is too recent."""
        now = asyncio.get_running_loop().time()
        loss = self._by_key.get(key)
        if loss is None:
            loss = self._by_key[key] = _Loss(told_at=float("-inf"))
            if len(self._by_key) > MOST_REMEMBERED:
                self._by_key.popitem(last=False)
        self._by_key.move_to_end(key)
        loss.untold += 1
        if now - loss.told_at < WARNING_PAUSE.total_seconds():
            return 0
        count, loss.untold, loss.told_at = loss.untold, 0, now
        return count
