"""A Lease on a server in memory that may be down or hang, and candidates for it."""

import asyncio
import copy
from typing import Any, cast

from mltask_operator.kube.api import Api
from mltask_operator.kube.election import Election, LeadershipLost
from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.kube.lease import Lease
from tests.unit.virtual_time import let_pass

Json = dict[str, Any]
SECONDS = 15
RENEW_DEADLINE = SECONDS * 2 / 3
RETRY_PERIOD = SECONDS / 15


def no_lease() -> ApiError:
    """Return the API server's answer where the Lease does not exist."""
    return ApiError(404, "NotFound", "no such Lease", kind="leases", subject="operator")


class LeaseServer:
    """The one Lease, with the API server's rule for versions."""

    def __init__(self) -> None:
        self.lease: Json | None = None
        self.is_down = False
        self.hangs = False
        self.faults: list[Exception] = []
        """To be raised by the next requests, one each."""

    async def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Answer as `kube.api.Api.request` does."""
        if self.faults:
            raise self.faults.pop(0)
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.is_down:
            raise Unreachable("no answer")
        if self.lease is None and method != "POST":
            raise no_lease()
        if body is not None:
            self._write(method, copy.deepcopy(body))
        return copy.deepcopy(self.spec_and_version)

    @property
    def spec_and_version(self) -> Json:
        """The Lease; it must exist."""
        assert self.lease is not None
        return self.lease

    @property
    def holder(self) -> str:
        """Who holds it, as it says."""
        holder: str = self.spec_and_version["spec"]["holderIdentity"]
        return holder

    def _write(self, method: str, body: Json) -> None:
        version = 0
        if self.lease is not None:
            known = self.lease["metadata"]["resourceVersion"]
            if method == "POST" or body["metadata"]["resourceVersion"] != known:
                raise ApiError(409, "Conflict", "the Lease is another by now")
            version = int(known)
        body["metadata"]["resourceVersion"] = str(version + 1)
        self.lease = body


class Candidate:
    """One operator's election, in an event loop of virtual time."""

    def __init__(self, server: LeaseServer, identity: str, seconds: int = SECONDS) -> None:
        self.losses: list[str] = []
        self.leads_since: float | None = None
        self.work_fails = False
        clock = asyncio.get_running_loop().time
        lease = Lease(cast(Api, server), "system", "operator", identity, seconds, clock)
        self.election = Election(lease, self.losses.append)
        self.has_died = False
        self._task = asyncio.create_task(self.election.run(self._lead))

    async def stop(self) -> None:
        """End it in good order."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.election.resign()

    def die(self) -> None:
        """End it as a crash does."""
        self.has_died = True
        self._task.cancel()

    @property
    def may_write(self) -> bool:
        """Whether a write of this candidate would be sent now."""
        try:
            self.election.check_leads()
        except LeadershipLost:
            return False
        return not self.has_died

    async def _lead(self) -> None:
        self.leads_since = asyncio.get_running_loop().time()
        if self.work_fails:
            raise OSError("cannot list")


async def a_leader(server: LeaseServer, identity: str = "a") -> Candidate:
    """A candidate that leads."""
    candidate = Candidate(server, identity)
    await let_pass(2 * RETRY_PERIOD)
    assert candidate.leads_since is not None
    candidate.election.check_leads()
    return candidate
