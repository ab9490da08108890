"""What was tried and what came of it."""

from typing import NamedTuple


class Tried(NamedTuple):
    """One fault in one scenario: at which of its writes it was tried, and at which a promise broke.

    `writes` is how many writes the scenario has where nothing goes wrong.
    """

    fault: str
    scenario: str
    writes: int
    tried: list[int]
    lost: list[int]


Record = list[Tried]
