"""Who may ask for quota next: the tasks of each namespace by priority, then the oldest first.

A ResourceQuota says no to a Pod and never says when to ask again. To have each of a thousand tasks
ask after each release would cost a thousand refusals for it; so they queue, and only the first
asks. Tasks that ask for the same resources under the same PriorityClass stand in one line. A line
waits behind another one only where the quota that holds up the other concerns it too: who needs a
GPU does not keep those waiting who need none.
"""

import bisect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from mltask_operator.kube import quotas
from mltask_operator.lifecycle.observed import QuotaExcess, Task

Body = dict[str, Any]

_NEVER = -1
_UNKNOWN = QuotaExcess(quota="", resources=frozenset(), never_fits=False)


class _Demand(NamedTuple):
    """What quotas look at: the tasks of one demand stand in one line."""

    priority_class: str | None
    resources: frozenset[str]


class _Place(NamedTuple):
    """Orders the tasks of one line; the oldest is the first."""

    created_at: datetime
    name: str
    uid: str


@dataclass(slots=True)
class _Line:
    demand: _Demand
    places: list[_Place] = field(default_factory=list)
    excess: QuotaExcess | None = None
    """What held up its first task, or those before it; None as long as that is not known."""
    refused_at: int = _NEVER
    """After how many releases its first task was refused."""


@dataclass(slots=True)
class _Namespace:
    lines: dict[_Demand, _Line] = field(default_factory=dict)
    quotas: dict[str, Body] = field(default_factory=dict)
    releases: int = 0
    """How often one of its quotas was seen to have room again."""
    bounds: int = 0
    """The last of these releases by which one of its quotas was changed itself."""


class QuotaQueue:
    """The tasks that wait for quota; `wake` is called with the uid of one whose turn has come."""

    def __init__(
        self, wake: Callable[[str], None], priority_of: Callable[[str | None], int]
    ) -> None:
        """Make an empty queue; `priority_of` returns the value of a PriorityClass by its name."""
        self._wake = wake
        self._priority_of = priority_of
        self._namespaces: dict[str, _Namespace] = {}
        self._where: dict[str, tuple[str, _Demand, _Place]] = {}
        self._too_large: dict[str, tuple[str, int]] = {}
        """Tasks that ask for more than a quota holds in all: their namespace, and its `releases`
        when they asked."""

    def behind(self, task: Task) -> str | None:
        """Return why others come before the task, or None where it may ask for its Pod."""
        namespace = self._namespaces.get(task.namespace)
        if namespace is None or task.uid in self._too_large:
            return None
        blocker = self._blocker(namespace, _demand(task), _place(task))
        if blocker is None:
            return None
        quota = f" {blocker.excess.quota}" if blocker.excess and blocker.excess.quota else ""
        first = blocker.places[0].name
        return f"waits for quota{quota} after {first}, which is of higher priority or older"

    def is_released(self, uid: str, namespace: str) -> bool:
        """Whether a task that was refused may now get another answer."""
        found = self._namespaces.get(namespace)
        if found is None:
            return False
        if uid in self._too_large:
            return found.bounds > self._too_large[uid][1]
        if uid not in self._where:
            return False
        line = found.lines[self._where[uid][1]]
        return line.places[0].uid == uid and line.refused_at < found.releases

    def releases(self, namespace: str) -> int:
        """Return how often quota was released so far: to be asked before a creation is tried."""
        found = self._namespaces.get(namespace)
        return found.releases if found else 0

    def park(self, task: Task) -> None:
        """Have the task wait for its turn."""
        if task.uid in self._where or task.uid in self._too_large:
            return
        namespace = self._namespaces.setdefault(task.namespace, _Namespace())
        demand, place = _demand(task), _place(task)
        blocker = self._blocker(namespace, demand, place)
        line = namespace.lines.get(demand)
        if line is None:
            line = namespace.lines[demand] = _Line(demand)
            line.excess = (
                blocker.excess if blocker else quotas.excess_from(task.status.message or "")
            )
        bisect.insort(line.places, place)
        self._where[task.uid] = (task.namespace, demand, place)

    def refuse(self, task: Task, excess: QuotaExcess | None, releases: int) -> None:
        """Note that a quota refused the task, asked after that many releases."""
        namespace = self._namespaces.setdefault(task.namespace, _Namespace())
        if excess is not None and excess.never_fits:
            self.leave(task.uid)
            self._too_large[task.uid] = (task.namespace, releases)
            return
        self._too_large.pop(task.uid, None)
        self.park(task)
        line = namespace.lines[self._where[task.uid][1]]
        line.excess = excess or _UNKNOWN
        line.refused_at = max(line.refused_at, releases)
        self._wake_next(namespace)

    def leave(self, uid: str) -> None:
        """Forget the task: it has its Pod, wants none, or is gone."""
        self._too_large.pop(uid, None)
        where = self._where.pop(uid, None)
        if where is None:
            return
        name, demand, place = where
        namespace = self._namespaces[name]
        line = namespace.lines[demand]
        if line.places[0] == place:
            # Whoever is the first now may ask for less.
            line.refused_at = _NEVER
        del line.places[bisect.bisect_left(line.places, place)]
        if not line.places:
            del namespace.lines[demand]
        self._wake_next(namespace)

    def note_quota(self, kind: str | None, body: Body) -> None:
        """Note what a watch says of a ResourceQuota."""
        metadata = body["metadata"]
        namespace = self._namespaces.setdefault(metadata["namespace"], _Namespace())
        before = namespace.quotas.pop(metadata["name"], None)
        is_gone = kind == "DELETED"
        if not is_gone:
            namespace.quotas[metadata["name"]] = {
                part: body[part] for part in ("spec", "status") if part in body
            }
        if before is None or not (is_gone or quotas.has_released(before, body)):
            return
        namespace.releases += 1
        if is_gone or quotas.has_new_bounds(before, body):
            namespace.bounds = namespace.releases
            for uid, (where, _) in self._too_large.items():
                if where == metadata["namespace"]:
                    self._wake(uid)
        self._wake_next(namespace)

    def waiting(self) -> Counter[str]:
        """Count the tasks that wait, by namespace."""
        in_line = (namespace for namespace, _, _ in self._where.values())
        return Counter((*in_line, *(namespace for namespace, _ in self._too_large.values())))

    def wake_all(self) -> None:
        """Wake the task whose turn it is in each namespace, since priorities have changed."""
        for namespace in self._namespaces.values():
            self._wake_next(namespace)

    def _wake_next(self, namespace: _Namespace) -> None:
        for line in sorted(namespace.lines.values(), key=self._rank):
            first = line.places[0]
            if line.refused_at < namespace.releases and not self._blocker(
                namespace, line.demand, first
            ):
                self._wake(first.uid)
                return

    def _rank(self, line: _Line) -> tuple[int, _Place]:
        return -self._priority_of(line.demand.priority_class), line.places[0]

    def _blocker(self, namespace: _Namespace, demand: _Demand, place: _Place) -> _Line | None:
        """Return the line whose first task comes before one of this demand and place."""
        rank = (-self._priority_of(demand.priority_class), place)
        for line in namespace.lines.values():
            if self._rank(line) < rank and _concerns(namespace, line, demand):
                return line
        return None


def _concerns(namespace: _Namespace, line: _Line, demand: _Demand) -> bool:
    """Whether what holds up the line holds up a task of this demand too."""
    excess = line.excess
    if line.demand == demand or excess is None:
        return True
    quota = namespace.quotas.get(excess.quota, {})
    if quotas.is_scoped(quota) and line.demand.priority_class != demand.priority_class:
        return False
    return any(_resource(name) in demand.resources for name in excess.resources)


def _resource(name: str) -> str:
    """Return the resource that a quota's entry is for: `requests.cpu` and `limits.cpu` for cpu."""
    for prefix in ("requests.", "limits.", "count/"):
        name = name.removeprefix(prefix)
    return name


def _demand(task: Task) -> _Demand:
    # A LimitRange may add the usual ones to a Pod that does not name them.
    return _Demand(task.priority_class, task.resources | {"pods", "cpu", "memory"})


def _place(task: Task) -> _Place:
    return _Place(task.created_at, task.name, task.uid)
