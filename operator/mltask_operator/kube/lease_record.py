"""The record of a Lease: who holds it, and for how long. Any user of the namespace may write it.

https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mltask_operator.kube.errors import Unreadable

Json = dict[str, Any]

LONGEST_HOLD_SECONDS = 3600
"""The longest `--lease-seconds`. A longer hold in a record is cut to it, so that it ends."""
UNREADABLE_HOLDER = "(unreadable)"
_MOST_TRANSITIONS = 2**31 - 2
"""leaseTransitions is an int32, and the next holder adds one."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says."""

    version: str
    """The resourceVersion. Each write of the Lease changes it."""
    holder: str
    """The identity of the holder; empty if there is none."""
    seconds: int
    """How long the hold lasts after a renewal."""
    transitions: int
    is_readable: bool
    """Whether `holder` and `seconds` are what the Lease says."""


def record_of(body: Json, seconds: int) -> Record:
    """Return the record of a Lease. Raise Unreadable if it has no resourceVersion.

    A duration that is missing or no positive integer counts as `seconds`. A holder that is no text
    is one that nobody knows: its hold ends like any other.
    """
    metadata, spec = body.get("metadata"), body.get("spec") or {}
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    if not isinstance(version, str):
        raise Unreadable("the Lease has no resourceVersion")
    if not isinstance(spec, dict):
        return Record(version, UNREADABLE_HOLDER, seconds, 0, is_readable=False)
    holder = spec.get("holderIdentity") or ""
    duration = _integer(spec.get("leaseDurationSeconds"), 1)
    transitions = _integer(spec.get("leaseTransitions"), 0, _MOST_TRANSITIONS)
    return Record(
        version,
        holder if isinstance(holder, str) else UNREADABLE_HOLDER,
        seconds if duration is None else min(duration, LONGEST_HOLD_SECONDS),
        transitions or 0,
        is_readable=isinstance(holder, str) and (not holder or duration is not None),
    )


def spec_of(identity: str, seconds: int, acquired: str, transitions: int) -> Json:
    """Return the spec of a Lease that is held as of now, in the times of the wall clock."""
    return {
        "holderIdentity": identity,
        "leaseDurationSeconds": seconds,
        "acquireTime": acquired,
        "renewTime": wall_time(),
        "leaseTransitions": transitions,
    }


def wall_time() -> str:
    """Return the current time as a MicroTime. It is for people: no decision depends on it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _integer(value: Any, least: int, most: float = float("inf")) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value <= most else None
