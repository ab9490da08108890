"""Leader election: one of several operators holds the Lease and acts; the others are standbys.

The loop is that of client-go's leaderelection: try every retry period, renew until a deadline. A
holder that cannot renew in time ends its process, and a paused one sends no further write.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Never, TypeVar

from mltask_operator.kube.lease import Lease

logger = logging.getLogger(__name__)

T = TypeVar("T")

MIN_PATIENCE_SECONDS = 120.0
"""How long `lead_for` waits at least: longer than a stopped operator's Pod takes to end."""


class LeadershipLost(Exception):
    """This process may no longer act: another one may hold the Lease already."""


class NotElected(OSError):
    """The Lease could not be taken in time; the text says why."""


class Election:
    """The candidacy of this process for one Lease.

    `on_loss` receives the reason why the Lease is lost. It must end the process and not return.
    """

    def __init__(self, lease: Lease, on_loss: Callable[[str], None]) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._is_leader = False
        self._fault = ""
        """Why the last try failed, as it was logged."""
        self._renew_deadline = lease.seconds * 2 / 3
        self._try_timeout = lease.seconds / 3
        self._retry_period = max(1.0, lease.seconds / 15)

    def check_leads(self) -> None:
        """Return if this process is the leader at this moment; raise LeadershipLost otherwise.

        A paused process resumes anywhere, before any watchdog of its own runs. So each write asks
        this first.
        """
        if not self._is_leader or not self._lease.is_held():
            self._lose(self._why_lost())

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Be a standby until the Lease is taken, then call `lead`, and renew without an end.

        If `lead` raises, the leadership counts as lost. Raise LeadershipLost as `check_leads` does.
        """
        logger.info("standby: waiting for the Lease %s", self._lease.name)
        await self._stand_by(is_patient=True)

        async def act() -> None:
            try:
                await lead()
            except Exception as error:
                self._lose(f"the work of the leader failed: {error}")
            await asyncio.Event().wait()

        await self._lead(act)

    async def lead_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Take the Lease, do this work, release the Lease, and return what the work returned.

        Raise NotElected if the Lease is not free within two minutes or twice its longest hold,
        LeadershipLost as above, and what `work` raises.
        """
        await self._stand_by(is_patient=False)
        try:
            return await self._lead(work)
        finally:
            await self.resign()

    async def resign(self) -> None:
        """Let another candidate lead at once. Call this when no write is in progress any longer."""
        self._is_leader = False
        try:
            async with asyncio.timeout(self._try_timeout):
                await self._lease.release()
        except Exception as error:
            # The hold ends by itself.
            logger.warning("failed to release the Lease %s: %s", self._lease.name, _text(error))

    async def _stand_by(self, *, is_patient: bool) -> None:
        """Return once the Lease is taken. Raise NotElected if that takes too long."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            if await self._try():
                return
            patience = max(MIN_PATIENCE_SECONDS, 2.0 * self._lease.longest_hold)
            if not is_patient and clock() - began > patience:
                why = self._fault or f"{self._lease.other_holder} holds it. Stop it first"
                raise NotElected(f"could not take the Lease {self._lease.name}: {why}")
            await asyncio.sleep(self._retry_period)

    async def _lead(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return the result of the work. Meanwhile renew the Lease; a loss ends the process."""
        self._is_leader = True
        logger.info("%s holds the Lease %s", self._lease.identity, self._lease.name)
        tasks = asyncio.ensure_future(work()), asyncio.ensure_future(self._renew())
        working, renewing = tasks
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                # Even if something else than a loss ended it: nothing renews the Lease now.
                self._lose("cancelled" if renewing.cancelled() else _text(renewing.exception()))
            return working.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self) -> None:
        while (left := self._renew_deadline - self._lease.unrenewed_for()) > 0:
            await asyncio.sleep(min(self._retry_period, left))
            await self._try()
            if self._lease.other_holder:
                break
        raise LeadershipLost(self._why_lost())

    async def _try(self) -> bool:
        """Return whether the Lease is held now. Whatever is wrong, the next try follows."""
        left = self._renew_deadline - self._lease.unrenewed_for()
        timeout = min(self._try_timeout, left) if self._is_leader else self._try_timeout
        try:
            async with asyncio.timeout(timeout):
                is_held = await self._lease.acquire()
        except Exception as error:
            if (fault := _text(error)) != self._fault:
                logger.warning("failed to read or write the Lease %s: %s", self._lease.name, fault)
            self._fault = fault
            return False
        self._fault = ""
        return is_held

    def _why_lost(self) -> str:
        if holder := self._lease.other_holder:
            return f"{holder} holds it"
        return f"it was not renewed for {self._lease.unrenewed_for():.1f} s"

    def _lose(self, why: str) -> Never:
        self._on_loss(why)
        raise LeadershipLost(why)


def _text(error: BaseException | None) -> str:
    return str(error) or type(error).__name__
