"""What was tried and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Tried(NamedTuple):
    """A row of docs/reliability.md: a fault, how it is made, how often it was tried, what was lost.

    Rows of one fault are summed. `points` is how many places there are at which it could be tried,
    and `scenario` what was played meanwhile, where that is more than one thing. `seconds` is how
    long it took until tasks moved on: after the fault, or after its end where it lasts.
    """

    fault: str
    how: str
    tried: int
    lost: int
    points: int | None = None
    scenario: str | None = None
    seconds: float | None = None


Record = list[Tried]


@contextmanager
def recorded(record: Record, fault: str, how: str) -> Iterator[Callable[[float], None]]:
    """Add one try to the record, lost where the block raises; it may tell the seconds it took."""
    taken: list[float] = []
    lost = 1
    try:
        yield taken.append
        lost = 0
    finally:
        record.append(Tried(fault, how, 1, lost, seconds=max(taken, default=None)))
