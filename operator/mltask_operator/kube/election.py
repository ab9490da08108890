"""Leader election: of several operators one acts, and the others stand by.

It is the official client's, with what that leaves open: whoever cannot renew its Lease, or whose
work crashes, is at an end at once; whoever was paused past its Lease sends nothing more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection

from mltask_operator.kube.lease import Lease

logger = logging.getLogger(__name__)

T = TypeVar("T")


class LeadershipLost(Exception):
    """This process may act no more: another one may lead already."""


class Election:
    """The candidacy of this process for one Lease.

    `on_loss` is told why the leadership is lost, and is to end the process: it must not return.
    """

    def __init__(self, lease: Lease, on_loss: Callable[[str], None]) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._is_leader = False
        self._work: asyncio.Task[None] | None = None
        self._renew_deadline = lease.seconds * 2 / 3
        self._retry_period = max(1.0, lease.seconds / 15)

    def check_leads(self) -> None:
        """Return if this process leads at this moment; raise LeadershipLost otherwise.

        A process that was paused comes back in the midst of things, before any watchdog of its
        own: so this is asked before each write.
        """
        if not self._is_leader or not self._lease.is_held():
            self._lose(f"the Lease was not renewed for {self._lease.unrenewed_for():.1f} s")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Stand by until the Lease is ours, then `lead`, and renew it for as long as that works."""
        logger.info("Standing by for the Lease %s/%s", self._lease.namespace, self._lease.name)

        async def act() -> None:
            self._is_leader, self._work = True, asyncio.current_task()
            logger.info("%s leads now", self._lease.identity)
            try:
                await lead()
                await self._watch_renewals()
            except Exception as error:
                self._lose(f"the work of the leader failed: {error}")

        async def stopped() -> None:
            self._lose("the Lease could not be renewed in time")

        config = Config(
            self._lease,
            lease_duration=self._lease.seconds,
            renew_deadline=self._renew_deadline,
            retry_period=self._retry_period,
            onstarted_leading=act,
            onstopped_leading=stopped,
        )
        try:
            await LeaderElection(config).run()
        finally:
            if self._work:
                self._work.cancel()

    async def lead_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Lead for as long as this work takes, and return what it returned."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def lead() -> None:
            done.set_result(await work())

        candidacy = asyncio.create_task(self.run(lead))
        result = await done
        candidacy.cancel()
        await asyncio.gather(candidacy, return_exceptions=True)
        await self.resign()
        return result

    async def resign(self) -> None:
        """Let another candidate lead at once; call it when nothing is under way any more."""
        self._is_leader = False
        await self._lease.release()

    async def _watch_renewals(self) -> None:
        # The client's own loop cannot tell while a request of it hangs.
        while True:
            unrenewed = self._lease.unrenewed_for()
            if unrenewed >= self._renew_deadline:
                self._lose(f"the Lease was not renewed for {unrenewed:.1f} s")
            await asyncio.sleep(self._renew_deadline - unrenewed)

    def _lose(self, why: str) -> None:
        self._on_loss(why)
        raise LeadershipLost(why)
