"""Whether something grows: tenths of a run, a fitted line with its uncertainty, percentiles."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, linear_regression
from typing import TypeVar

T = TypeVar("T")
TENTHS = 10


@dataclass(frozen=True)
class Slope:
    """A line through the means of the tenths after the first, which is the warm-up."""

    value: float
    error: float
    """Its standard error."""

    @property
    def at_most(self) -> float:
        """What it hardly exceeds: two standard errors more."""
        return self.value + 2 * self.error


def tenths(items: Sequence[T]) -> list[Sequence[T]]:
    """Return ten parts of (nearly) the same size, in order."""
    bounds = [len(items) * number // TENTHS for number in range(TENTHS + 1)]
    return [items[a:b] for a, b in pairwise(bounds)]


def slope(points: Sequence[tuple[float, float]]) -> Slope:
    """Fit y over x.

    Samples that follow each other are much alike, and would make the line look surer than it is:
    so each tenth counts as one point.
    """
    parts = [part for part in tenths(points)[1:] if part]
    xs = [fmean(x for x, _ in part) for part in parts]
    ys = [fmean(y for _, y in part) for part in parts]
    line = linear_regression(xs, ys)
    rest = sum((y - line.intercept - line.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    spread = sum((x - fmean(xs)) ** 2 for x in xs)
    return Slope(line.slope, math.sqrt(rest / (len(xs) - 2) / spread))


def early_and_late(
    items: Sequence[T], figure: Callable[[Sequence[T]], float]
) -> tuple[float, float]:
    """Return a figure of the tenth after the warm-up, and of the last one."""
    _, early, *_, late = tenths(items)
    return figure(early), figure(late)


def percentile(percent: int, values: Sequence[float]) -> float:
    """Return the value that so many percent of them do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
