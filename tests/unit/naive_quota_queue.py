"""The rules of the quota queue, as simple as possible: each line looks at all others.

It never forgets a namespace, but what it has learned of one that is not used any longer. It counts
by looking at everything.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mltask_operator.kube import quotas
from mltask_operator.lifecycle.observed import QuotaExcess, Task
from mltask_operator.lifecycle.quota_demand import Demand, counted_as, demand_of_pod
from mltask_operator.lifecycle.quota_scopes import covers

Rank = tuple[Any, ...]
UNKNOWN = QuotaExcess(quota="", resources=frozenset(), never_fits=False)


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
    added: dict[str | None, frozenset[str]] = field(default_factory=dict)
    class_of_pods: str | None = None


class NaiveQuotaQueue:
    """The same public methods as QuotaQueue, at a cost that grows with everything."""

    def __init__(
        self,
        wake: Callable[[str], None],
        priority_of: Callable[[str | None], int],
        default_class: Callable[[], str | None],
    ):
        self.wake = wake
        self.priority_of = priority_of
        self.default_class = default_class
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
        if task.demand not in found.lines:
            blocker = self.blocker(found, task)
            excess = blocker.excess if blocker else quotas.excess_from(task.status.message or "")
            found.lines[task.demand] = NaiveLine(excess=excess)
        found.lines[task.demand].tasks.append(task)

    def refuse(self, task: Task, excess: QuotaExcess | None, releases: int) -> None:
        found = self.namespace(task.namespace)
        was_apart = found.too_large.pop(task.uid, None)
        if excess and excess.never_fits:
            self.leave(task.uid)
            found.too_large[task.uid] = (releases, self.rank(task))
        else:
            self.park(task)
            line = found.lines[task.demand]
            line.excess = excess or UNKNOWN
            kind, charged = task.demand.runtime_class, map(counted_as, line.excess.resources)
            found.added[kind] = self.added(found, kind) | (set(charged) - task.demand.resources)
            line.refused_at = max(line.refused_at, releases)
            self.wake_next(found)
        if was_apart:
            self.wake_next_too_large(found)

    def note_created(self, task: Task, pod: dict[str, Any]) -> None:
        found, own = self.namespace(task.namespace), task.demand
        if not found.quotas:
            return
        admitted = demand_of_pod(pod["spec"])
        before, default = self.added(found, own.runtime_class), found.class_of_pods
        kept = before & admitted.resources
        found.added[own.runtime_class] = kept | (admitted.resources - own.resources)
        if own.priority_class is None:
            found.class_of_pods = admitted.priority_class
        if before != kept or default != found.class_of_pods:
            self.wake_next(found)

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
            self.forget_if_unused(found)

    def note_quota(self, kind: str | None, body: dict[str, Any]) -> None:
        found = self.namespace(body["metadata"]["namespace"])
        before = found.quotas.pop(body["metadata"]["name"], None)
        if kind != "DELETED":
            found.quotas[body["metadata"]["name"]] = body
        self.forget_if_unused(found)
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
            if self.rank(line.first) < self.rank(task) and self.concerns(found, line, task)
        ]
        return min(before, key=lambda line: self.rank(line.first), default=None)

    def rank(self, task: Task) -> Rank:
        priority = self.priority_of(task.demand.priority_class)
        return (-priority, task.created_at, task.name, task.uid)

    def namespace(self, name: str) -> NaiveNamespace:
        return self.namespaces.setdefault(name, NaiveNamespace())

    def line_of(self, found: NaiveNamespace, uid: str) -> NaiveLine | None:
        lines = found.lines.values()
        return next((li for li in lines if any(task.uid == uid for task in li.tasks)), None)

    def concerns(self, found: NaiveNamespace, line: NaiveLine, task: Task) -> bool:
        """Return whether the quota that holds up the line would hold up the task too."""
        own, excess = task.demand, line.excess
        if own == line.first.demand or excess is None:
            return True
        scopes = quotas.scopes_of(found.quotas.get(excess.quota, {}))
        if not covers(scopes, own, self.default_class() or found.class_of_pods):
            return False
        return any(counted_as(name) in self.resources(found, own) for name in excess.resources)

    def resources(self, found: NaiveNamespace, demand: Demand) -> frozenset[str]:
        return demand.resources | self.added(found, demand.runtime_class)

    def added(self, found: NaiveNamespace, runtime_class: str | None) -> frozenset[str]:
        return found.added.get(runtime_class, frozenset())

    def forget_if_unused(self, found: NaiveNamespace) -> None:
        if not (found.quotas or found.lines or found.too_large):
            found.added, found.class_of_pods = {}, None
