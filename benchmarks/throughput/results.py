"""All that one run of the benchmark has measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from benchmarks.throughput.figures import Figures


@dataclass(frozen=True)
class Results:
    """What was measured, where, and in which versions."""

    machine: Mapping[str, str]
    rounds: Sequence[Figures]
    """Of the contestants in turn, in one cluster."""
    job_as_shipped: Figures
    """Jobs where the controller manager has the limits that it is shipped with."""
    within_a_second: Figures
    """MLTasks that end as soon as they have started."""
    steady: Figures
    """MLTasks that come one by one."""
    by_count: Sequence[Figures]
    """MLTasks, more and more of them."""
    by_steps: Mapping[int, Figures]
    """The same steps, so many of them in each MLTask."""

    def of(self, contestant: str) -> list[Figures]:
        """Return the rounds of a contestant."""
        return [each for each in self.rounds if each.contestant == contestant]

    @property
    def many(self) -> list[Figures]:
        """Runs of 1,000 tasks and more: fewer hardly take longer than one of them."""
        return [each for each in self.by_count if each.tasks >= 1000]

    @property
    def exponent(self) -> float:
        """Of the number of tasks, in the wall time that many of them took: 1 where it is linear."""
        counts = [math.log(each.tasks) for each in self.many]
        return linear_regression(counts, [math.log(each.wall) for each in self.many]).slope
