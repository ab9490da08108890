"""All that one run of the benchmark has measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from benchmarks.throughput.figures import Figures

MANY = 1000
"""Fewer tasks hardly take longer than one of them."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    tasks: int
    """In each round of the contest."""
    rounds: int
    most: int
    """The largest number of MLTasks at once."""
    steady_seconds: int

    @property
    def in_steps(self) -> int:
        """How many tasks there are as steps, for each number of steps in an MLTask."""
        return self.tasks // 2


@dataclass(frozen=True)
class Results:
    """What was measured, where, and in which versions."""

    machine: Mapping[str, str]
    plan: Plan
    rounds: Sequence[Figures]
    """Of the contestants in turn, in one cluster."""
    job_as_shipped: Figures
    """Jobs where the controller manager has the limits that it is shipped with."""
    within_a_second: Figures
    """MLTasks that come one by one and end as soon as they have started."""
    steady: Figures
    """MLTasks that come one by one, ten in a second."""
    other_counts: Sequence[Figures]
    """MLTasks at once, more and more of them, beside as many as in the contest."""
    by_steps: Mapping[int, Figures]
    """The same steps, so many of them in each MLTask."""
    kb_per_finished_task: float | None
    """Memory of an operator that starts among them; None where there were too few to tell."""

    @property
    def contestants(self) -> list[str]:
        """Their names, in the order in which they take turns."""
        return list(dict.fromkeys(each.contestant for each in self.rounds))

    def of(self, contestant: str) -> list[Figures]:
        """Return the rounds of a contestant."""
        return [each for each in self.rounds if each.contestant == contestant]

    @property
    def by_count(self) -> list[Figures]:
        """MLTasks at once, more and more of them; of the contest's rounds, the middle one."""
        rounds = sorted(self.of("MLTask"), key=lambda each: each.wall)
        return sorted([*self.other_counts, rounds[len(rounds) // 2]], key=lambda each: each.tasks)

    @property
    def many(self) -> list[Figures]:
        """Those of them with so many tasks that these are what takes the time."""
        return [each for each in self.by_count if each.tasks >= MANY]

    @property
    def exponent(self) -> float:
        """Of the number of tasks, in the wall time that many of them took: 1 where it is linear."""
        counts = [math.log(each.tasks) for each in self.many]
        return linear_regression(counts, [math.log(each.wall) for each in self.many]).slope
