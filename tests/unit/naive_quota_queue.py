"""The rules of the quota queue, as simple as possible: each line looks at all others.

It never forgets a namespace and counts by looking at everything.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mltask_operator.kube import quotas
from mltask_operator.lifecycle.observed import QuotaExcess, Task

Rank = tuple[Any, ...]
UNKNOWN = QuotaExcess(quota="", resources=frozenset(), never_fits=False)
ALWAYS_ASKED = {"pods", "cpu", "memory"}


@dataclass(eq=False)
class NaiveLine:
    """The tasks of one demand."""

    tasks: list[Task] = field(default_factory=list)
    excess: QuotaExcess | None = None
    refused_at: int = -1

    @property
    def first(self) -> Task:
        return min(self.tasks, key=lambda task: (task.created_at, task.name, task.uid))


@dataclass
class NaiveNamespace:
    lines: dict[object, NaiveLine] = field(default_factory=dict)
    quotas: dict[str, Any] = field(default_factory=dict)
    too_large: dict[str, tuple[int, Rank]] = field(default_factory=dict)
    released_at: int = 0
    changed_at: int = 0


class NaiveQuotaQueue:
    """The same public methods as QuotaQueue, at a cost that grows with everything."""

    def __init__(self, wake: Callable[[str], None], priority_of: Callable[[str | None], int]):
        self.wake = wake
        self.priority_of = priority_of
        self.namespaces: dict[str, NaiveNamespace] = {}
        self.count = 0

    def behind(self, task: Task) -> str | None:
        found = self.namespace(task.namespace)
        if task.uid in found.too_large or (blocker := self.blocker(found, task)) is None:
            return None
        quota = f" {blocker.excess.quota}" if blocker.excess and blocker.excess.quota else ""
        first = blocker.first.name
        return f"waits for quota{quota} after {first}, which is of higher priority or older"

    def is_released(self, uid: str, namespace: str) -> bool:
        found = self.namespace(namespace)
        if uid in found.too_large:
            return found.too_large[uid][0] < found.changed_at
        lines = [line for line in found.lines.values() if line.first.uid == uid]
        return any(line.refused_at < found.released_at for line in lines)

    def releases(self, namespace: str) -> int:
        return self.count

    def park(self, task: Task) -> None:
        found = self.namespace(task.namespace)
        if task.uid in found.too_large or self.line_of(found, task.uid):
            return
        if demand(task) not in found.lines:
            blocker = self.blocker(found, task)
            excess = blocker.excess if blocker else quotas.excess_from(task.status.message or "")
            found.lines[demand(task)] = NaiveLine(excess=excess)
        found.lines[demand(task)].tasks.append(task)

    def refuse(self, task: Task, excess: QuotaExcess | None, releases: int) -> None:
        found = self.namespace(task.namespace)
        was_apart = found.too_large.pop(task.uid, None)
        if excess and excess.never_fits:
            self.leave(task.uid)
            found.too_large[task.uid] = (releases, self.rank(task))
        else:
            self.park(task)
            line = found.lines[demand(task)]
            line.excess = excess or UNKNOWN
            line.refused_at = max(line.refused_at, releases)
            self.wake_next(found)
        if was_apart:
            self.wake_next_too_large(found)

    def leave(self, uid: str) -> None:
        for found in self.namespaces.values():
            if found.too_large.pop(uid, None):
                self.wake_next_too_large(found)
            if line := self.line_of(found, uid):
                if line.first.uid == uid:
                    line.refused_at = -1
                line.tasks = [task for task in line.tasks if task.uid != uid]
                found.lines = {key: line for key, line in found.lines.items() if line.tasks}
                self.wake_next(found)

    def note_quota(self, kind: str | None, body: dict[str, Any]) -> None:
        found = self.namespace(body["metadata"]["namespace"])
        before = found.quotas.pop(body["metadata"]["name"], None)
        if kind != "DELETED":
            found.quotas[body["metadata"]["name"]] = body
        if before is None or (kind != "DELETED" and not quotas.has_released(before, body)):
            return
        self.count += 1
        found.released_at = self.count
        if kind == "DELETED" or quotas.has_new_bounds(before, body):
            found.changed_at = self.count
            self.wake_next_too_large(found)
        self.wake_next(found)

    def waiting(self) -> Counter[str]:
        return +Counter(
            {
                name: sum(len(line.tasks) for line in found.lines.values()) + len(found.too_large)
                for name, found in self.namespaces.items()
            }
        )

    def wake_all(self) -> None:
        for found in self.namespaces.values():
            self.wake_next(found)

    # The rules

    def wake_next(self, found: NaiveNamespace) -> None:
        """Wake the first task that was not refused since the last release and has no blocker."""
        firsts = [
            line.first
            for line in found.lines.values()
            if line.refused_at < found.released_at and self.blocker(found, line.first) is None
        ]
        if firsts:
            self.wake(min(firsts, key=self.rank).uid)

    def wake_next_too_large(self, found: NaiveNamespace) -> None:
        """Wake the one that has not asked for the longest time, if a quota was changed since."""
        if found.too_large:
            uid, (asked_at, _) = min(found.too_large.items(), key=lambda item: item[1])
            if asked_at < found.changed_at:
                self.wake(uid)

    def blocker(self, found: NaiveNamespace, task: Task) -> NaiveLine | None:
        """Return the first line whose first task comes before the task and that concerns it."""
        before = [
            line
            for line in found.lines.values()
            if self.rank(line.first) < self.rank(task) and concerns(found, line, task)
        ]
        return min(before, key=lambda line: self.rank(line.first), default=None)

    def rank(self, task: Task) -> Rank:
        return (-self.priority_of(demand(task)[0]), task.created_at, task.name, task.uid)

    def namespace(self, name: str) -> NaiveNamespace:
        return self.namespaces.setdefault(name, NaiveNamespace())

    def line_of(self, found: NaiveNamespace, uid: str) -> NaiveLine | None:
        lines = found.lines.values()
        return next((li for li in lines if any(task.uid == uid for task in li.tasks)), None)


def concerns(found: NaiveNamespace, line: NaiveLine, task: Task) -> bool:
    """Return whether the quota that holds up the line would hold up the task too."""
    own, other, excess = demand(task), demand(line.first), line.excess
    if own == other or excess is None:
        return True
    if quotas.is_scoped(found.quotas.get(excess.quota, {})) and own[0] != other[0]:
        return False
    return any(resource_of(name) in own[1] for name in excess.resources)


def demand(task: Task) -> tuple[str | None, frozenset[str]]:
    """Return the PriorityClass and the resources of the task's Pod."""
    return task.priority_class, frozenset({*task.requests, *ALWAYS_ASKED})


def resource_of(name: str) -> str:
    return name.removeprefix("requests.").removeprefix("limits.").removeprefix("count/")
