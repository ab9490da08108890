"""Numbers and times of a status, within the bounds that the operator writes.

A later version, or a user with the right to write status, may store others. The operator then
leaves the task alone: arithmetic with them could fail, or name a Pod as nothing expects.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Strict


def _not_negative(count: int) -> int:
    if not 0 <= count < 2**63:
        raise ValueError("no count")
    return count


def _int32(code: int) -> int:
    if not -(2**31) <= code < 2**31:
        raise ValueError("no exit code")
    return code


def _within_reach(time: datetime) -> datetime:
    # Naive times cannot be compared, and times at the calendar's end leave no room for a pause.
    if time.tzinfo is None or not 1971 <= time.year <= 9000:
        raise ValueError("no time of an MLTask")
    return time


Count = Annotated[int, Strict(), AfterValidator(_not_negative)]
ExitCode = Annotated[int, Strict(), AfterValidator(_int32)]
Time = Annotated[datetime, AfterValidator(_within_reach)]
