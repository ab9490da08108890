"""Quota holds: which tasks wait behind which, after a quota refused one of them.

The waiting tasks of one demand form a line. When a quota refuses the first task of a line, each
exceeded resource becomes a hold of that line, and lines that need this resource wait behind it.
To find what a task waits behind, look up the holds of the resources in its demand. This takes
equally long among ten lines and among ten thousand.

Ranked lists are sorted Python lists with binary search. To add or remove an entry also moves the
entries after it, at eight bytes each: some microseconds among 10,000. A heap would avoid that, but
it takes several times the memory and cleans up in bursts.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter
from typing import TypeVar

from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.runtime.quota_demand import Demand, Place, Rank, contested

MAX_QUOTAS = 16
"""The most quotas with holds of their own for one resource. Further ones share one hold."""
NEVER = -1
"""A number of releases below all others."""

Item = TypeVar("Item")
Ranked = list[tuple[Rank, Item]]
"""A sorted list of items, each with its rank."""
_rank = itemgetter(0)


def add(entries: Ranked[Item], rank: Rank, item: Item) -> None:
    """Add the item to the ranked list, which must not have this rank yet."""
    bisect.insort(entries, (rank, item), key=_rank)


def remove(entries: Ranked[Item], rank: Rank) -> None:
    """Remove the item of this rank from the ranked list, which must have it."""
    del entries[bisect.bisect_left(entries, rank, key=_rank)]


def merge(entries: Ranked[Item], others: Ranked[Item]) -> None:
    """Add the items of another ranked list to the first one."""
    if len(others) * 16 < len(entries):
        for rank, item in others:
            add(entries, rank, item)
    else:
        entries.extend(others)
        entries.sort(key=_rank)


@dataclass(slots=True, eq=False)
class Line:
    """The waiting tasks of one demand. Only the first of them asks for quota."""

    demand: Demand
    rank: Rank
    """The rank of its first task."""
    places: list[Place] = field(default_factory=list)
    excess: QuotaExcess | None = None
    """Why its first task, or an earlier one, was refused. None while that is unknown."""
    refused_at: int = NEVER
    """The number of releases when its first task last asked and was refused."""
    holds: "list[Hold]" = field(default_factory=list)
    """The holds that make others wait behind this line."""
    waits_at: "Hold | None" = None


class AnyClass(Enum):
    """Instead of a PriorityClass: tasks of every class."""

    ANY = 0


@dataclass(slots=True, eq=False)
class Hold:
    """One exceeded resource of one quota, for tasks of one PriorityClass or of any."""

    resource: str = ""
    quota: str = ""
    of_class: str | AnyClass | None = AnyClass.ANY
    holders: Ranked[Line] = field(default_factory=list)
    """The refused lines. Other lines wait behind the first of them."""
    waiters: Ranked[Line] = field(default_factory=list)
    """Lines that were last seen to wait behind a holder."""
    offered: Rank | None = None
    """The rank of the first waiter, where it comes before all holders by now."""


class Holds:
    """The holds of one namespace."""

    def __init__(self) -> None:
        """Make it empty."""
        self._by_resource: dict[str, dict[str, dict[str | AnyClass | None, Hold]]] = {}
        self._scoped: set[str] = set()
        self._unexplained = Hold()
        """All lines wait behind a line of unknown excess."""

    def note_scope(self, quota: str, *, is_scoped: bool) -> bool:
        """Note whether the quota counts some Pods only. Return whether that frees any lines.

        Holders of a scoped quota hold up lines of the same PriorityClass only.
        """
        if is_scoped == (quota in self._scoped):
            return False
        if is_scoped:
            self._scoped.add(quota)
        else:
            self._scoped.remove(quota)
        return is_scoped

    def resources(self) -> dict[str, None]:
        """Return the names of all contested resources, in order."""
        return dict.fromkeys(self._by_resource)

    def for_any_class(self, resource: str) -> list[Hold]:
        """Return the holds of the resource that hold up tasks of any PriorityClass."""
        kinds = self._by_resource.get(resource, {}).values()
        return [kind[AnyClass.ANY] for kind in kinds if AnyClass.ANY in kind]

    def blocking(self, demand: Demand, rank: Rank) -> Hold | None:
        """Return the hold that a task of this demand and rank waits at, or None.

        Of several holds, it is the one with the first holder.
        """
        found = None
        for hold in self._concerning(demand):
            if hold.holders and hold.holders[0][0] < rank:
                found, rank = hold, hold.holders[0][0]
        return found

    def blocks(self, hold: Hold, rank: Rank) -> bool:
        """Return whether a line that waits at the hold still has to."""
        is_ignored = hold.of_class is AnyClass.ANY and hold.quota in self._scoped
        return not is_ignored and bool(hold.holders) and hold.holders[0][0] < rank

    def start(self, line: Line) -> None:
        """Have others wait behind the line, for the reason in its `excess`."""
        excess = line.excess
        if excess is None:
            line.holds = [self._unexplained]
        else:
            line.holds = [
                hold
                for resource in contested(excess, line.demand)
                for hold in self._find(resource, excess.quota, line.demand.priority_class)
            ]
        for hold in line.holds:
            add(hold.holders, line.rank, line)

    def stop(self, line: Line) -> list[Hold]:
        """Have nothing wait behind the line any longer. Return the holds that it had."""
        ended, line.holds = line.holds, []
        for hold in ended:
            remove(hold.holders, line.rank)
        return ended

    def forget_if_empty(self, hold: Hold) -> None:
        """Forget the hold if it has neither holders nor waiters."""
        if hold.holders or hold.waiters or hold.resource not in self._by_resource:
            return
        quotas = self._by_resource[hold.resource]
        kinds = quotas.get(hold.quota, {})
        if kinds.get(hold.of_class) is hold:
            del kinds[hold.of_class]
            if not kinds:
                del quotas[hold.quota]
            if not quotas:
                del self._by_resource[hold.resource]

    def _concerning(self, demand: Demand) -> Iterator[Hold]:
        yield self._unexplained
        for resource in demand.resources:
            for quota, kinds in self._by_resource.get(resource, {}).items():
                is_scoped = quota in self._scoped
                hold = kinds.get(demand.priority_class if is_scoped else AnyClass.ANY)
                if hold is not None:
                    yield hold

    def _find(self, resource: str, quota: str, priority_class: str | None) -> Iterator[Hold]:
        # Both, since the scope of a quota may change: then the other one counts.
        quotas = self._by_resource.setdefault(resource, {})
        if quota not in quotas and len(quotas) >= MAX_QUOTAS:
            quota = ""
        kinds = quotas.setdefault(quota, {})
        for kind in (AnyClass.ANY, priority_class):
            if kind not in kinds:
                kinds[kind] = Hold(resource, quota, kind)
            yield kinds[kind]
