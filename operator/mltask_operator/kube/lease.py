"""The Lease by which one of several operators is the leader: a coordination.k8s.io/v1 object."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from mltask_operator.kube.answers import expect
from mltask_operator.kube.errors import ApiError, Unreadable

Json = dict[str, Any]

LONGEST_SECONDS = 3600
"""The longest hold that the operator's options allow. A record that claims more counts as this."""


class Requests(Protocol):
    """Sends one request, as `kube.api.Api` does."""

    async def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the object that came back; raise ApiError, Unreachable or Unreadable."""
        ...


@dataclass(frozen=True)
class Record:
    """The Lease as the API server showed it."""

    body: Json
    holder: str
    """The identity of the holder; empty for a Lease that nobody holds."""
    seconds: float
    """How long the hold lasts after a renewal, by the record itself."""
    transitions: int

    @property
    def hold(self) -> object:
        """The part that each renewal changes."""
        return self.body.get("spec")


class Lease:
    """One candidate's access to the Lease; `seconds` is how long its own hold lasts."""

    def __init__(
        self, api: Requests, namespace: str, name: str, identity: str, seconds: int
    ) -> None:
        self.namespace = namespace
        self.name = name
        self.identity = identity
        self.seconds = seconds
        # A request that hangs leaves time for others before the hold ends.
        self._request_timeout = seconds / 6
        self._api = api

    async def read(self) -> Record | None:
        """Return the Lease, or None if there is none.

        Raise TimeoutError where the API server does not answer in time, and as `Requests` does.
        """
        try:
            return self._record(await self._request("GET", self._path))
        except ApiError as error:
            if error.says_is_gone("leases", self.name):
                return None
            raise

    async def hold(self, known: Record | None) -> Record:
        """Take or renew the Lease, if it is still as `known`; return it as it is then.

        Raise ApiError (409) where another client has changed it meanwhile, and as `read` does.
        """
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_ours = known is not None and known.holder == self.identity
        spec = (known.body.get("spec") or {}) if known else {}
        transitions = known.transitions + (not is_ours) if known else 0
        hold = {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self.seconds,
            "acquireTime": (spec.get("acquireTime") if is_ours else None) or now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return await self._write(known, hold)

    async def release(self, known: Record) -> Record:
        """Make the Lease free, if it is still as `known`. Raise as `hold` does."""
        spec = {**(known.body.get("spec") or {}), "holderIdentity": "", "leaseDurationSeconds": 1}
        return await self._write(known, spec)

    async def _write(self, known: Record | None, spec: Json) -> Record:
        if known is None:
            body = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self.name},
                "spec": spec,
            }
            return self._record(await self._request("POST", self._collection, body))
        # The body carries the resourceVersion: the API server refuses it if the Lease has changed.
        body = {**known.body, "spec": spec}
        return self._record(await self._request("PUT", self._path, body))

    def _record(self, body: Json) -> Record:
        metadata, spec = body.get("metadata"), body.get("spec") or {}
        if not isinstance(metadata, dict) or not isinstance(spec, dict):
            raise Unreadable("the API server's answer is no Lease")
        if metadata.get("name") != self.name or "resourceVersion" not in metadata:
            raise Unreadable(f"the API server's answer is not the Lease {self.name}")
        seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
        return Record(
            body=body,
            holder=str(spec.get("holderIdentity") or ""),
            seconds=self._bounded(seconds),
            transitions=transitions if isinstance(transitions, int) else 0,
        )

    def _bounded(self, seconds: object) -> float:
        if not isinstance(seconds, int) or seconds <= 0:
            return self.seconds
        return min(seconds, LONGEST_SECONDS)

    async def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        async with asyncio.timeout(self._request_timeout):
            return expect(await self._api.request(method, path, body), "Lease")

    @property
    def _collection(self) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{self.name}"
