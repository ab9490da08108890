"""The lifecycle rules of a task's spec, in the form that `decide` reads."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from mltask_operator.api.failures import DEFAULT_BASE_SECONDS, DEFAULT_MAX_SECONDS


def packed(codes: Iterable[int]) -> bytes:
    """Return exit codes, which are int32, in four bytes each. As Python objects they take 36."""
    return array("i", sorted(set(codes))).tobytes()


class FailureAction(StrEnum):
    """What a rule of podFailurePolicy does with an attempt that it matches."""

    FAIL = "Fail"
    IGNORE = "Ignore"
    COUNT = "Count"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCodes:
    """The exit codes that a rule is for."""

    are_in: bool
    """Whether it matches a code among `values`, or one that is not."""
    values: bytes
    """The codes as `packed` returns them. A user may list thousands in each of many tasks."""
    container: str | None = None
    """The only container that is looked at, where there is one."""

    def __contains__(self, code: int | None) -> bool:
        return code in memoryview(self.values).cast("i")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRule:
    """One rule of podFailurePolicy: exit codes, or conditions of the Pod as (type, status)."""

    action: FailureAction
    exit_codes: ExitCodes | None = None
    conditions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryGrowth:
    """How the memory that a task asks for grows; amounts are in bytes."""

    factor: float
    maximum: int
    request: int
    """What the first attempt asks for: the request or, where that is absent, the limit."""
    limit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the spec says beside the Pod; the defaults are the API's."""

    backoff_limit: int = 0
    backoff_base: timedelta = timedelta(seconds=DEFAULT_BASE_SECONDS)
    backoff_max: timedelta = timedelta(seconds=DEFAULT_MAX_SECONDS)
    failure_policy: tuple[FailureRule, ...] = ()
    memory: MemoryGrowth | None = None
    active_deadline: timedelta | None = None
    pending_deadline: timedelta | None = None
    steps: tuple[str, ...] = ()
    goes_on_after_failed_step: bool = False
    is_suspended: bool = False
    ttl: timedelta | None = None
