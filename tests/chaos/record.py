"""What was tried and what came of it."""

from typing import NamedTuple


class Tried(NamedTuple):
    """A row of docs/reliability.md: a fault, how it is made, how often it was tried, what was lost.

    Rows of one fault are summed. `points` is how many places there are at which it could be tried,
    and `scenario` what was played meanwhile, where that is more than one thing.
    """

    fault: str
    how: str
    tried: int
    lost: int
    points: int | None = None
    scenario: str | None = None


Record = list[Tried]
