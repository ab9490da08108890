"""Quota lines: the waiting tasks of one namespace, and which of them asks for quota next.

A line is ready until its first task is refused, and again after the next release of quota. Each
ready line waits for a hold or, as long as none is known to block it, among the free lines. Only
where the first line that waits for a hold comes before all holders is it looked at again.
"""

from bisect import bisect_left, insort

from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.lifecycle.quota_demand import Demand
from mltask_operator.lifecycle.quota_scopes import Scopes
from mltask_operator.runtime.quota_holds import (
    NEVER,
    Hold,
    Holds,
    Line,
    Ranked,
    Room,
    add,
    contested,
    merge,
    remove,
)
from mltask_operator.runtime.quota_ranks import Place, Rank
from mltask_operator.runtime.quota_rules import QuotaRules

MAX_STEPS = 64
"""The most lines that one search for the next task looks at. It looks at several only where lines
that were free, or waited for one hold, now wait for another. The next search continues from there.
Besides, each waiting task is reconciled every half minute, and then asks if nothing blocks it."""


class Lines:
    """The lines of one namespace."""

    def __init__(self, releases: int, default_class: str | None) -> None:
        """Make it empty; quota was last released when there were this many releases.

        `default_class` is that of `QuotaRules`.
        """
        self.released_at = releases
        self._lines: dict[Demand, Line] = {}
        self._rules = QuotaRules(default_class)
        self._holds = Holds(self._rules)
        self._free = Room()
        self._refused = Room()
        """Its waiters are the lines that were refused since the last release."""
        self._offers: Ranked[Room] = []
        """The rooms with an offer: a first waiter that no longer waits behind a holder."""
        self._to_review: dict[Hold, None] = {}
        """Holds that may no longer concern the lines that wait for them: the rules have changed."""

    def has(self, demand: Demand) -> bool:
        """Return whether tasks of this demand wait."""
        return demand in self._lines

    def blocker(self, demand: Demand, rank: Rank) -> Line | None:
        """Return the line that a task of this demand and rank waits behind.

        Of several lines, it is the one with the first task.
        """
        hold = self._holds.blocking(demand, rank)
        found = hold.holders[0][1] if hold else None
        own = self._lines.get(demand)
        if own is None or own.rank >= rank or (found is not None and found.rank < own.rank):
            return found
        return own

    def join(self, demand: Demand, priority: int, place: Place, excess: QuotaExcess | None) -> Line:
        """Add a task to the line of its demand. A new line is held up by this excess."""
        rank = (-priority, place)
        line = self._lines.get(demand)
        if line is None:
            line = self._lines[demand] = Line(demand, rank, [place], excess)
            self._put(line)
        elif place < line.places[0]:
            self._take(line)
            line.places.insert(0, place)
            line.rank = rank
            self._put(line)
        else:
            insort(line.places, place)
        return line

    def refuse(self, line: Line, excess: QuotaExcess, releases: int) -> None:
        """Note that a quota refused a task of the line, asked after that many releases."""
        self._rules.note_refused(line.demand, contested(excess, line.demand))
        self._take(line)
        line.excess = excess
        line.refused_at = max(line.refused_at, releases)
        self._put(line)

    def leave(self, line: Line, place: Place) -> bool:
        """Remove a task from the line. Return whether the line is still there."""
        if line.places[0] != place:
            del line.places[bisect_left(line.places, place)]
            return True
        self._take(line)
        del line.places[0]
        if not line.places:
            del self._lines[line.demand]
            return False
        # The next task may ask for less.
        line.refused_at = NEVER
        line.rank = (line.rank[0], line.places[0])
        self._put(line)
        return True

    def release(self, releases: int) -> None:
        """Note that quota was released: all refused lines are ready again.

        This costs the more, the more lines were refused since the last release. Each of these
        refusals was a request to the API server.
        """
        self.released_at = releases
        if len(self._refused.waiters) > len(self._free.waiters):
            self._free, self._refused = self._refused, self._free
            self._offer(self._refused)
        moved, self._refused.waiters = self._refused.waiters, []
        for _, line in moved:
            line.waits_in = self._free
        merge(self._free.waiters, moved)
        self._offer(self._free)

    def note_scopes(self, quota: str, scopes: Scopes) -> None:
        """Note which Pods the quota is for."""
        if self._rules.note_scopes(quota, scopes):
            self._to_review |= self._holds.of_quota(quota)

    def note_created(self, demand: Demand, admitted: Demand) -> bool:
        """Note the demand of a Pod as it was created and as it was admitted.

        Return whether the turn of some lines may have come.
        """
        is_eased = self._rules.note_created(demand, admitted)
        if is_eased:
            self._to_review |= self._holds.of_any_quota()
        return is_eased

    def note_default_class(self, name: str | None) -> None:
        """Note which PriorityClass admission gives to Pods that name none."""
        if self._rules.note_default_class(name):
            self._to_review |= self._holds.of_any_quota()

    def set_priorities(self, priorities: dict[str | None, int]) -> None:
        """Order the lines of these PriorityClasses by their new values."""
        for line in self._lines.values():
            if line.demand.priority_class in priorities:
                self._take(line)
                line.rank = (-priorities[line.demand.priority_class], line.places[0])
                self._put(line)

    def next(self) -> Line | None:
        """Return the first ready line that waits behind no other, or None."""
        self._review()
        for _ in range(MAX_STEPS):
            if not self._offers:
                return None
            rank, line = self._offers[0][1].waiters[0]
            blocking = self._holds.blocking(line.demand, rank)
            if blocking is None:
                return line
            self._leave_room(line)
            self._wait_in(blocking.room, line)
        return None

    def _put(self, line: Line) -> None:
        self._holds.start(line)
        for hold in line.holds:
            self._offer(hold.room)
        is_refused = line.refused_at >= self.released_at
        self._wait_in(self._refused if is_refused else self._free, line)

    def _take(self, line: Line) -> None:
        for hold in self._holds.stop(line):
            self._offer(hold.room)
            self._holds.forget_if_empty(hold)
        self._leave_room(line)

    def _wait_in(self, room: Room, line: Line) -> None:
        line.waits_in = room
        add(room.waiters, line.rank, line)
        self._offer(room)

    def _leave_room(self, line: Line) -> None:
        if (room := line.waits_in) is not None:
            line.waits_in = None
            remove(room.waiters, line.rank)
            self._offer(room)
            if room.hold is not None:
                self._holds.forget_if_empty(room.hold)

    def _offer(self, room: Room) -> None:
        """Have the first waiter of the room looked at, or no longer, as things now are."""
        has_offer = room.waiters and room is not self._refused and not room.is_blocked
        rank = room.waiters[0][0] if has_offer else None
        if rank == room.offered:
            return
        if room.offered is not None:
            remove(self._offers, room.offered)
        room.offered = rank
        if rank is not None:
            add(self._offers, rank, room)

    def _review(self) -> None:
        for _ in range(min(MAX_STEPS, len(self._to_review))):
            hold, _ = self._to_review.popitem()
            cleared = hold.clear()
            # It may have had an offer, and has one in any case if anyone is left in it.
            self._offer(cleared)
            self._holds.forget_if_empty(hold)
