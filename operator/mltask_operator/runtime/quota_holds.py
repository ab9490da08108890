"""Quota holds: which tasks wait behind which, after a quota refused one of them.

The waiting tasks of one demand form a line. When a quota refuses the first task of a line, each
exceeded resource becomes a hold of that line. Lines that the quota is for and that need this
resource wait behind it. To find what a task waits behind, look up the holds of the resources in its
demand. This takes equally long among ten lines and among ten thousand.

Ranked lists are sorted Python lists with binary search. To add or remove an entry also moves the
entries after it, at eight bytes each: some microseconds among 10,000. A heap would avoid that, but
it takes several times the memory and cleans up in bursts.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeVar

from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.lifecycle.quota_demand import CATCH_ALL, COMMON, Demand, bounded, counted_as
from mltask_operator.runtime.quota_ranks import Place, Rank
from mltask_operator.runtime.quota_rules import QuotaRules

MAX_QUOTAS = 16
"""The most quotas of a namespace with holds of their own. Further ones share their holds."""
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
    waits_in: "Room | None" = None


@dataclass(slots=True, eq=False)
class Room:
    """Lines that were last seen to wait for the same hold."""

    hold: "Hold | None" = None
    """What they wait for. None: nothing is known to block them."""
    waiters: Ranked[Line] = field(default_factory=list)
    offered: Rank | None = None
    """The rank of the first waiter, where it is to be looked at again."""

    @property
    def is_blocked(self) -> bool:
        """Whether the first waiter still has to wait."""
        return self.hold is not None and self.hold.blocks(self.waiters[0][0])


@dataclass(slots=True, eq=False)
class Hold:
    """One exceeded resource of one quota."""

    resource: str = ""
    quota: str = ""
    holders: Ranked[Line] = field(default_factory=list)
    """The refused lines. Other lines wait behind the first of them."""
    room: Room = field(init=False)

    def __post_init__(self) -> None:
        """Open the room for those that wait."""
        self.room = Room(self)

    def blocks(self, rank: Rank) -> bool:
        """Return whether a line of this rank, which the hold concerns, has to wait."""
        return bool(self.holders) and self.holders[0][0] < rank

    def clear(self) -> Room:
        """Return the room with all who waited for this hold; new ones wait in another."""
        left, self.room = self.room, Room(self)
        left.hold = None
        return left


class Holds:
    """The holds of one namespace."""

    def __init__(self, rules: QuotaRules) -> None:
        """Make it empty; `rules` decide which lines a hold concerns."""
        self._rules = rules
        self._by_quota: dict[str, dict[str, Hold]] = {}
        self._unexplained = Hold()
        """All lines wait behind a line of unknown excess."""

    def of_quota(self, quota: str) -> dict[Hold, None]:
        """Return the holds of the quota, in order."""
        return dict.fromkeys(self._by_quota.get(quota, {}).values())

    def of_any_quota(self) -> dict[Hold, None]:
        """Return the holds of all quotas, in order."""
        found: dict[Hold, None] = {}
        for quota in self._by_quota:
            found |= self.of_quota(quota)
        return found

    def blocking(self, demand: Demand, rank: Rank) -> Hold | None:
        """Return the hold that a task of this demand and rank waits for, or None.

        Of several holds, it is the one with the first holder.
        """
        found = None
        for hold in self._concerning(demand):
            if hold.blocks(rank):
                found, rank = hold, hold.holders[0][0]
        return found

    def start(self, line: Line) -> None:
        """Have others wait behind the line, for the reason in its `excess`."""
        if (excess := line.excess) is None:
            line.holds = [self._unexplained]
        else:
            line.holds = [
                self._find(resource, excess.quota) for resource in contested(excess, line.demand)
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
        holds = self._by_quota.get(hold.quota, {})
        if not hold.holders and not hold.room.waiters and holds.get(hold.resource) is hold:
            del holds[hold.resource]
            if not holds:
                del self._by_quota[hold.quota]

    def _concerning(self, demand: Demand) -> Iterator[Hold]:
        yield self._unexplained
        resources = self._rules.resources(demand)
        for quota, holds in self._by_quota.items():
            if self._rules.concerns(quota, demand):
                for resource in resources:
                    if (hold := holds.get(resource)) is not None:
                        yield hold

    def _find(self, resource: str, quota: str) -> Hold:
        if quota not in self._by_quota and len(self._by_quota) >= MAX_QUOTAS:
            quota = ""
        holds = self._by_quota.setdefault(quota, {})
        if resource not in holds:
            holds[resource] = Hold(resource, quota)
        return holds[resource]


def contested(excess: QuotaExcess, demand: Demand) -> frozenset[str]:
    """Return the resources that others wait for while a quota refuses this demand."""
    names = bounded(map(counted_as, excess.resources))
    if CATCH_ALL in demand.resources:
        return frozenset(name if name in COMMON else CATCH_ALL for name in names)
    return names
