"""The Lease by which one of several operators leads: a coordination.k8s.io/v1 object.

It is the lock of the official client's leader election. That client's own LeaseLock cannot create
a Lease, stamps it with local time, waits minutes for an API server that hangs and raises where
there is none; here each of these is "not now", and time is that of a clock that nobody sets.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from mltask_operator.kube.answers import expect
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError

Json = dict[str, Any]


def running_time() -> float:
    """Return seconds by a clock that no one sets, and which goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease(BaseLock):
    """One candidate's hold of the Lease; `seconds` is how long a hold lasts without renewal."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        seconds: int,
        clock: Callable[[], float] = running_time,
    ) -> None:
        super().__init__(name, namespace, identity)
        self.seconds = seconds
        self._request_timeout = seconds / 6
        self._api = api
        self._clock = clock
        self._body: Json = {}
        self._changed_at = float("-inf")
        """When another candidate's hold was last seen to be new."""
        self._renewed_at = float("-inf")

    def unrenewed_for(self) -> float:
        """Return the seconds since the last renewal that took effect was asked for."""
        return self._clock() - self._renewed_at

    def is_held(self) -> bool:
        """Whether no other candidate can hold it yet."""
        return self.unrenewed_for() < self.seconds

    async def get(
        self, name: str, namespace: str
    ) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]:
        """Return True and who holds the Lease, or False and why that could not be learnt."""
        try:
            body = await self._request("GET", self._path)
        except OSError as error:
            return False, _as_client_error(error)
        if body["spec"] != self._body.get("spec"):
            self._changed_at = self._clock()
        self._body = body
        if body["spec"].get("holderIdentity") != self.identity:
            self._renewed_at = float("-inf")
        return True, _record(body["spec"])

    async def create(
        self, name: str, namespace: str, election_record: LeaderElectionRecord
    ) -> bool:
        """Create the Lease as ours; return whether that was done."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name},
            "spec": self._hold(since=None, transitions=0),
        }
        return await self._write("POST", self._collection, body)

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Take or renew the Lease as last read; return whether that was done."""
        held: Json = self._body["spec"]
        holder, transitions = held.get("holderIdentity"), held.get("leaseTransitions", 0)
        is_ours = holder == self.identity
        # The client's election counts another's hold by the wall clock, which may be set forward.
        if holder and not is_ours and self._clock() - self._changed_at < self.seconds:
            return False
        since = held.get("acquireTime") if is_ours else None
        hold = self._hold(since, transitions if is_ours else transitions + 1)
        return await self._write("PUT", self._path, {**self._body, "spec": hold})

    async def release(self) -> None:
        """Let others have it at once, if it is ours."""
        found, _ = await self.get(self.name, self.namespace)
        self._renewed_at = float("-inf")
        if found and self._body["spec"].get("holderIdentity") == self.identity:
            spec = {**self._body["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            try:
                await self._request("PUT", self._path, {**self._body, "spec": spec})
            except OSError:
                return  # then it ends by itself

    def _hold(self, since: str | None, transitions: int) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.seconds,
            "acquireTime": since or now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    async def _write(self, method: str, path: str, body: Json) -> bool:
        asked_at = self._clock()
        try:
            self._body = await self._request(method, path, body)
        except OSError:
            return False
        self._renewed_at = asked_at
        return True

    async def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        async with asyncio.timeout(self._request_timeout):
            return expect(await self._api.request(method, path, body), "Lease")

    @property
    def _collection(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{self.name}"


def _record(spec: Json) -> LeaderElectionRecord:
    # Where one of the four is missing the client takes the Lease to be free.
    duration = spec.get("leaseDurationSeconds")
    return LeaderElectionRecord(
        spec.get("holderIdentity") or None,
        str(duration) if duration else None,
        spec.get("acquireTime"),
        spec.get("renewTime"),
    )


def _as_client_error(error: OSError) -> ApiException:
    """Return what the client's election reads: it creates the Lease after a 404, else waits."""
    code = error.code if isinstance(error, ApiError) else 0
    raised = ApiException(status=code, reason=str(error) or type(error).__name__)
    raised.body = json.dumps({"code": code})
    return raised
