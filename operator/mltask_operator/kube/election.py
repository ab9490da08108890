"""Leader election: of several operators one is the leader, and the others are standbys.

The rules are those of client-go: a candidate takes the Lease once it has seen the same record for
as long as that record says, by its own monotonic clock. Wall clocks decide nothing.
https://pkg.go.dev/k8s.io/client-go/tools/leaderelection

The official Python client has an election too. It compares wall clocks, cannot create a Lease,
ends at an unexpected answer, and does not notice a request that hangs.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from mltask_operator.kube.lease import Lease, Record

logger = logging.getLogger(__name__)

T = TypeVar("T")

NEVER = float("-inf")


def running_time() -> float:
    """Return seconds by a clock that no one sets, and which goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class LeadershipLost(Exception):
    """This process must not write any longer: another one may be the leader already."""


class Election:
    """The candidacy of this process for one Lease.

    `on_loss` is called with the reason when the leadership is lost. It has to end the process. The
    clock returns seconds and must be monotonic.
    """

    def __init__(
        self,
        lease: Lease,
        on_loss: Callable[[str], None],
        clock: Callable[[], float] = running_time,
    ) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._clock = clock
        self._renew_deadline = lease.seconds * 2 / 3
        self._retry_period = max(1.0, lease.seconds / 15)
        self._known: Record | None = None
        """The last record that was read. It stays after the Lease was deleted."""
        self._exists = False
        self._changed_at = NEVER
        """When the known record was first seen."""
        self._renewed_at = NEVER
        """When the last renewal that took effect was sent."""
        self._is_leader = False
        self._trouble = ""

    def check_leads(self) -> None:
        """Return if this process is the leader at this moment; raise LeadershipLost otherwise.

        Each write asks this first. A process that was paused goes on wherever it was, possibly
        before its own watchdog runs.
        """
        if not self._is_leader or self._unrenewed_for() >= self._lease.seconds:
            self._lose(f"the Lease was not renewed for {self._unrenewed_for():.1f} s")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Be a standby until the Lease is ours, then `lead`, and renew the Lease. Never return.

        Raise LeadershipLost, after `on_loss`, where the Lease can't be renewed or `lead` fails.
        """
        logger.info("standby for the Lease %s/%s", self._lease.namespace, self._lease.name)
        while True:
            if await self._try_to_hold():
                break
            await asyncio.sleep(self._retry_period)
        self._is_leader = True
        logger.info("%s is the leader", self._lease.identity)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._renew(), name="lease")
                group.create_task(self._watch_renewals(), name="lease watchdog")
                group.create_task(self._lead(lead), name="leader")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def lead_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Be the leader for as long as this work takes; return what it returns.

        Raise what the work raises, and LeadershipLost where the Lease is lost meanwhile.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def lead() -> None:
            try:
                done.set_result(await work())
            except Exception as error:
                done.set_exception(error)

        candidacy = asyncio.create_task(self.run(lead))
        await asyncio.wait((candidacy, done), return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            await candidacy
        candidacy.cancel()
        await asyncio.gather(candidacy, return_exceptions=True)
        await self.resign()
        return done.result()

    async def resign(self) -> None:
        """Release the Lease if this process holds it. No write may be in flight any longer.

        It never raises: a Lease that cannot be released ends by itself.
        """
        self._is_leader, self._renewed_at = False, NEVER
        try:
            known = await self._lease.read()
            if known and known.holder == self._lease.identity:
                await self._lease.release(known)
        except Exception as error:
            logger.warning("failed to release the Lease, it ends by itself: %s", _text(error))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._retry_period)
            await self._try_to_hold()

    async def _watch_renewals(self) -> None:
        # A separate task, because a renewal may hang.
        while True:
            unrenewed = self._unrenewed_for()
            if unrenewed >= self._renew_deadline:
                self._lose(f"the Lease was not renewed for {unrenewed:.1f} s")
            await asyncio.sleep(self._renew_deadline - unrenewed)

    async def _lead(self, lead: Callable[[], Awaitable[None]]) -> None:
        try:
            await lead()
        except Exception as error:
            self._lose(f"the work of the leader failed: {_text(error)}")

    async def _try_to_hold(self) -> bool:
        """Take or renew the Lease if that is possible now; return whether this process holds it.

        Any error means "not now", also one that nobody foresaw: a standby that ended by it would
        never become the leader. A leader has the watchdog.
        """
        try:
            self._note(await self._lease.read())
            if self._known and self._known.holder != self._lease.identity:
                self._renewed_at = NEVER
            if self._is_held_by_another():
                if self._is_leader:
                    self._lose("another client holds the Lease")
                return False
            sent_at = self._clock()
            self._note(await self._lease.hold(self._known if self._exists else None))
        except LeadershipLost:
            raise
        except Exception as error:
            self._note_trouble(_text(error))
            return False
        self._renewed_at = sent_at
        self._note_trouble("")
        return True

    def _note(self, record: Record | None) -> None:
        # Somebody may delete the Lease. That ends no hold: its holder may not know it yet.
        self._exists = record is not None
        if record is None:
            return
        if self._known is None or record.hold != self._known.hold:
            self._changed_at = self._clock()
        self._known = record

    def _is_held_by_another(self) -> bool:
        known = self._known
        if known is None or known.holder in ("", self._lease.identity):
            return False
        return self._clock() - self._changed_at < known.seconds

    def _unrenewed_for(self) -> float:
        return self._clock() - self._renewed_at

    def _note_trouble(self, text: str) -> None:
        if text and text != self._trouble:
            logger.warning("failed to read or renew the Lease, retrying: %s", text)
        self._trouble = text

    def _lose(self, why: str) -> NoReturn:
        self._is_leader = False
        self._on_loss(why)
        raise LeadershipLost(why)


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
