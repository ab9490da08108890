"""The Lease that makes one of several operators the leader: a coordination.k8s.io/v1 object.

Each candidate measures by its own clock, as client-go does: another candidate's hold lasts
`leaseDurationSeconds` of its record from the moment when this candidate first saw that record.
A holder counts its own hold from the moment before it sent the renewal. So the holder's count
always ends first, whatever the wall clocks say.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from mltask_operator.kube import paths
from mltask_operator.kube.answers import expect
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError
from mltask_operator.kube.lease_record import Record, record_of, spec_of, wall_time

logger = logging.getLogger(__name__)

Json = dict[str, Any]

NEVER = float("-inf")


def running_time() -> float:
    """Return seconds of a clock that nobody sets, and which goes on while the machine sleeps.

    CLOCK_MONOTONIC stops in a suspended machine. A leader on it would count its hold as valid
    after the resume, although another replica became the leader meanwhile.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """One candidate's view of the Lease; `seconds` is how long its own hold lasts."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        seconds: int,
        clock: Callable[[], float] = running_time,
    ) -> None:
        self.name = f"{namespace}/{name}"
        self.identity = identity
        self.seconds = seconds
        self._api = api
        self._collection = paths.leases(namespace)
        self._path = paths.named(self._collection, name)
        self._metadata = {"name": name}
        self._clock = clock
        self._seen: Record | None = None
        """The record as last read or written."""
        self._seen_since = NEVER
        """When this candidate first saw that record."""
        self._acquired = ""
        self._renewed_at = NEVER
        self._warned = False

    @property
    def other_holder(self) -> str:
        """Who else held the Lease when it was last read; empty if nobody did."""
        holder = self._seen.holder if self._seen else ""
        return "" if holder == self.identity else holder

    @property
    def longest_hold(self) -> int:
        """How many seconds a hold lasts: this candidate's or the last seen, whichever is longer."""
        return max(self.seconds, self._seen.seconds if self._seen else 0)

    def unrenewed_for(self) -> float:
        """Return the seconds since this candidate sent the last renewal that took effect."""
        return self._clock() - self._renewed_at

    def is_held(self) -> bool:
        """Whether this candidate holds the Lease, so that no other can hold it yet."""
        return self.unrenewed_for() < self.seconds

    async def acquire(self) -> bool:
        """Take the Lease, or renew it; return whether this candidate holds it now.

        Raise OSError if the API server refuses, gives no answer, or one that is not readable.
        """
        body = await self._read()
        if self._is_held_by_another():
            return False
        seen = self._seen
        is_ours = seen is not None and seen.holder == self.identity
        if not is_ours or not self._acquired:
            self._acquired = wall_time()
        transitions = 0 if seen is None else seen.transitions + (not is_ours)
        spec = spec_of(self.identity, self.seconds, self._acquired, transitions)
        sent_at = self._clock()
        try:
            if body is None:
                kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
                new = {**kind, "metadata": self._metadata, "spec": spec}
                self._note(await self._request("POST", self._collection, new))
            else:
                self._note(await self._request("PUT", self._path, {**body, "spec": spec}))
        except ApiError as error:
            if error.code != 409:
                raise
            return False  # Another candidate was quicker.
        if not self.other_holder:
            self._renewed_at = sent_at
        return self.is_held()

    async def release(self) -> None:
        """Let another candidate take the Lease at once, if this one holds it. Raise as above."""
        self._renewed_at = NEVER
        body = await self._read()
        if body is not None and self._seen and self._seen.holder == self.identity:
            # As client-go does: an empty holder, and the shortest duration that is valid.
            spec = spec_of("", 1, self._acquired or wall_time(), self._seen.transitions)
            await self._request("PUT", self._path, {**body, "spec": spec})

    async def _read(self) -> Json | None:
        """Return the Lease, or None if there is none."""
        try:
            body = await self._request("GET", self._path)
        except ApiError as error:
            if not error.says_is_gone("leases", self._metadata["name"]):
                raise
            # Another's hold stays valid: someone deleted its record, and it writes a new one soon.
            self._renewed_at = NEVER
            return None
        self._note(body)
        return body

    async def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        return expect(await self._api.request(method, path, body), "Lease")

    def _note(self, body: Json) -> None:
        record = record_of(body, self.seconds)
        if self._seen is None or record.version != self._seen.version:
            self._seen_since = self._clock()
        self._seen = record
        if record.holder != self.identity:
            self._renewed_at = NEVER
        if not record.is_readable and not self._warned:
            self._warned = True
            logger.warning(
                "the Lease %s has an unreadable holder or duration: its hold counts as %d s",
                self.name,
                record.seconds,
            )

    def _is_held_by_another(self) -> bool:
        if self._seen is None or not self.other_holder:
            return False
        return self._clock() - self._seen_since < self._seen.seconds
