"""Quota demand: what ResourceQuotas count of a task's Pod, and the order of the waiting tasks.

The number of resource names in a demand is bounded, because users choose them.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from mltask_operator.lifecycle.observed import QuotaExcess, Task

MAX_RESOURCES = 64
"""The most resource names that a demand keeps. No real Pod asks for so many."""
COMMON = frozenset({"pods", "cpu", "memory"})
"""Part of every demand: a LimitRange may add a request for cpu and memory to any Pod."""
CATCH_ALL = "*"
"""Stands for all resources other than COMMON in a demand of more than MAX_RESOURCES. So these
demands compete with each other, and each costs the queue no more than an ordinary demand."""


class Demand(NamedTuple):
    """The properties of a Pod that ResourceQuotas look at."""

    priority_class: str | None
    resources: frozenset[str]


class Place(NamedTuple):
    """Orders the tasks of equal priority: the oldest first."""

    created_at: datetime
    name: str
    uid: str


Rank = tuple[int, Place]
"""Orders all waiting tasks of a namespace: the negative priority, then the place. It is unique."""


def demand_of(task: Task) -> Demand:
    """Return the task's demand. Nothing else in the queue looks at what a task asks for."""
    return Demand(task.priority_class, _bounded(task.resources) | COMMON)


def place_of(task: Task) -> Place:
    """Return the task's place among those of equal priority."""
    return Place(task.created_at, task.name, task.uid)


def contested(excess: QuotaExcess, demand: Demand) -> frozenset[str]:
    """Return the resources that others wait for while a quota refuses this demand."""
    names = _bounded(_resource(name) for name in excess.resources)
    if CATCH_ALL in demand.resources:
        return frozenset(name if name in COMMON else CATCH_ALL for name in names)
    return names


def _bounded(names: Iterable[str]) -> frozenset[str]:
    # The same names may stand under requests and limits.
    kept = frozenset(islice(names, 2 * MAX_RESOURCES + 1))
    if len(kept) <= MAX_RESOURCES:
        return kept
    return (kept & COMMON) | {CATCH_ALL}


def _resource(name: str) -> str:
    """Return the resource that a quota's entry is for: `requests.cpu` and `limits.cpu` for cpu."""
    for prefix in ("requests.", "limits.", "count/"):
        name = name.removeprefix(prefix)
    return name
