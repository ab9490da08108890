"""How an attempt ended: what the rules say, each in its own file."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mltask_operator.api.reasons import Reason


class EndingKind(StrEnum):
    """Whether the attempt succeeded, failed by itself, was disrupted by others, or suspended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DISRUPTED = "Disrupted"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one attempt ended."""

    kind: EndingKind
    reason: Reason
    message: str
    at: datetime
    started_at: datetime | None = None
    exit_code: int | None = None
    output: str | None = None
    """The termination message of the container that decided."""
