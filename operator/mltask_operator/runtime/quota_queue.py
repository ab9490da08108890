"""Quota queue: which tasks may ask for quota next, in each namespace by priority and then age.

A ResourceQuota refuses a Pod, but it doesn't say when a retry would succeed. If a thousand tasks
retried after each release of quota, nearly all of these requests would be refused. So the tasks
queue, and only the first one retries. Tasks of the same demand form a line. A line waits behind
another only if the quota that refused the other one counts its Pods too, for a resource that has no
room: a task that waits for a GPU holds up no task that needs none.

The cost of each operation grows with the logarithm of the number of tasks in its namespace. The
tasks of other namespaces don't matter. Only `waiting` and `wake_all` look at all namespaces.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mltask_operator.kube import quotas
from mltask_operator.kube.quotas import Json
from mltask_operator.lifecycle.observed import QuotaExcess, Task
from mltask_operator.lifecycle.quota_demand import Demand, demand_of_pod
from mltask_operator.runtime.quota_holds import Line
from mltask_operator.runtime.quota_lines import Lines
from mltask_operator.runtime.quota_priorities import LinePriorities
from mltask_operator.runtime.quota_ranks import Place, place_of
from mltask_operator.runtime.quota_too_large import TooLarge

Body = dict[str, Any]

MAX_QUOTAS = 64
"""The most ResourceQuotas that the queue looks at in a namespace. Further ones count as unscoped,
and after their releases the waiting tasks ask by themselves, within half a minute."""
_UNKNOWN = QuotaExcess(quota="", resources=frozenset(), never_fits=False)


@dataclass(slots=True)
class _Namespace:
    name: str
    lines: Lines
    too_large: TooLarge
    quotas: dict[str, Json] = field(default_factory=dict)
    waiting: int = 0
    """The number of tasks in `lines` and `too_large`."""


class QuotaQueue:
    """The tasks that wait for quota. It calls `wake` with the uid of a task that may ask now."""

    def __init__(
        self,
        wake: Callable[[str], None],
        priority_of: Callable[[str | None], int],
        default_class: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Make an empty queue.

        `priority_of` returns the value of a PriorityClass by its name, and `default_class` the name
        of the default one, or None where there is none or the operator may not list them.
        """
        self._wake = wake
        self._default_class = default_class
        self._priorities = LinePriorities(priority_of)
        self._namespaces: dict[str, _Namespace] = {}
        self._in_line: dict[str, tuple[_Namespace, Line, Place]] = {}
        self._apart: dict[str, _Namespace] = {}
        """The namespaces of the tasks that ask for more than a quota holds in all."""
        self._releases = 0
        """The number of releases in all namespaces. Each has its own by when they happened."""
        self._forgotten_release = 0
        """The last release of a namespace that was forgotten since."""

    def behind(self, task: Task) -> str | None:
        """Return what the task waits behind, as a text for its status; None if it may ask now."""
        namespace = self._namespaces.get(task.namespace)
        if namespace is None or task.uid in self._apart:
            return None
        blocker = self._blocker(namespace, task.demand, place_of(task))
        if blocker is None:
            return None
        quota = f" {blocker.excess.quota}" if blocker.excess and blocker.excess.quota else ""
        first = blocker.places[0].name
        return f"waits for quota{quota} after {first}, which is of higher priority or older"

    def is_released(self, uid: str, namespace: str) -> bool:
        """Return whether a task that was refused may now get another answer."""
        found = self._namespaces.get(namespace)
        if found is None:
            return False
        if uid in self._apart:
            return found.too_large.is_released(uid)
        if uid not in self._in_line:
            return False
        _, line, _ = self._in_line[uid]
        return line.places[0].uid == uid and line.refused_at < found.lines.released_at

    def releases(self, namespace: str) -> int:
        """Return the number of releases so far: read it before you create a Pod, for `refuse`."""
        # Of all namespaces, so that it still compares after this one was forgotten meanwhile.
        return self._releases

    def park(self, task: Task) -> None:
        """Have the task wait for its turn."""
        if task.uid not in self._in_line and task.uid not in self._apart:
            self._join(self._namespace(task.namespace), task)

    def refuse(self, task: Task, excess: QuotaExcess | None, releases: int) -> None:
        """Note that a quota refused the task, which asked after that many releases."""
        namespace = self._namespace(task.namespace)
        was_apart = self._leave_apart(task.uid)
        if excess is not None and excess.never_fits:
            rank = (-self._priorities.value(task.demand.priority_class), place_of(task))
            namespace.too_large.add(task.uid, rank, releases)
            namespace.waiting += 1
            self._apart[task.uid] = namespace
            self._leave_line(task.uid)
        else:
            if task.uid not in self._in_line:
                self._join(namespace, task)
            _, line, _ = self._in_line[task.uid]
            namespace.lines.refuse(line, excess or _UNKNOWN, releases)
            self._wake_next(namespace)
        if was_apart:
            self._wake_next_too_large(namespace)

    def note_created(self, task: Task, pod: Body) -> None:
        """Note what the API server answered to the creation of a Pod: the Pod as admitted."""
        namespace = self._namespaces.get(task.namespace)
        if namespace is None or not namespace.quotas:
            return
        if namespace.lines.note_created(task.demand, demand_of_pod(pod.get("spec") or {})):
            self._wake_next(namespace)

    def leave(self, uid: str) -> None:
        """Forget the task: it has its Pod, no longer wants one, or is gone."""
        namespace = self._apart.get(uid)
        if namespace is not None and self._leave_apart(uid):
            self._wake_next_too_large(namespace)
            self._forget_if_unused(namespace)
        self._leave_line(uid)

    def note_quota(self, kind: str | None, body: Body) -> None:
        """Note a watch event (or, with kind None, a listed item) of a ResourceQuota."""
        key = quotas.key_of(body)
        if key is None:
            return
        namespace, name = self._namespace(key.namespace), key.name
        before = namespace.quotas.pop(name, None)
        after = None if kind == "DELETED" else quotas.kept_part(body)
        is_known = after is not None and len(namespace.quotas) < MAX_QUOTAS
        if after is not None and is_known:
            namespace.quotas[name] = after
        namespace.lines.note_scopes(name, quotas.scopes_of(body) if is_known else ())
        if before is not None and (after is None or quotas.has_released(before, after)):
            self._releases += 1
            namespace.lines.release(self._releases)
            if after is None or quotas.has_new_bounds(before, after):
                namespace.too_large.release(self._releases)
                self._wake_next_too_large(namespace)
            self._wake_next(namespace)
        self._forget_if_unused(namespace)

    def waiting(self) -> Counter[str]:
        """Return the number of waiting tasks by namespace."""
        return Counter({n.name: n.waiting for n in self._namespaces.values() if n.waiting})

    def wake_all(self) -> None:
        """Read all priorities again, and wake the task whose turn it is in each namespace.

        Until then the queue keeps the order of the priorities that it read before. Only where a
        PriorityClass has another value, this looks at all lines: only administrators change those.
        """
        if changed := self._priorities.refresh():
            for namespace in self._namespaces.values():
                namespace.lines.set_priorities(changed)
        default_class = self._default_class()
        for namespace in self._namespaces.values():
            namespace.lines.note_default_class(default_class)
            self._wake_next(namespace)

    def _wake_next(self, namespace: _Namespace) -> None:
        if (line := namespace.lines.next()) is not None:
            self._wake(line.places[0].uid)

    def _wake_next_too_large(self, namespace: _Namespace) -> None:
        if (uid := namespace.too_large.next()) is not None:
            self._wake(uid)

    def _blocker(self, namespace: _Namespace, demand: Demand, place: Place) -> Line | None:
        priority = self._priorities.value(demand.priority_class)
        return namespace.lines.blocker(demand, (-priority, place))

    def _join(self, namespace: _Namespace, task: Task) -> None:
        demand, place = task.demand, place_of(task)
        excess = None
        if not namespace.lines.has(demand):
            # A task that waits behind another one waits for the same, as far as anyone knows.
            blocker = self._blocker(namespace, demand, place)
            message = task.status.message or ""
            excess = blocker.excess if blocker else quotas.excess_from(message)
            self._priorities.note_line(demand.priority_class)
        priority = self._priorities.value(demand.priority_class)
        line = namespace.lines.join(demand, priority, place, excess)
        namespace.waiting += 1
        self._in_line[task.uid] = (namespace, line, place)

    def _leave_line(self, uid: str) -> None:
        if (found := self._in_line.pop(uid, None)) is None:
            return
        namespace, line, place = found
        namespace.waiting -= 1
        if not namespace.lines.leave(line, place):
            self._priorities.note_line_gone(line.demand.priority_class)
        self._wake_next(namespace)
        self._forget_if_unused(namespace)

    def _leave_apart(self, uid: str) -> bool:
        if (namespace := self._apart.pop(uid, None)) is None:
            return False
        namespace.too_large.remove(uid)
        namespace.waiting -= 1
        return True

    def _namespace(self, name: str) -> _Namespace:
        found = self._namespaces.get(name)
        if found is None:
            # It may have been forgotten while one of its tasks asked for quota.
            last = self._forgotten_release
            found = _Namespace(name, Lines(last, self._default_class()), TooLarge(last))
            self._namespaces[name] = found
        return found

    def _forget_if_unused(self, namespace: _Namespace) -> None:
        if not namespace.quotas and not namespace.waiting:
            last = namespace.lines.released_at
            self._forgotten_release = max(self._forgotten_release, last)
            self._namespaces.pop(namespace.name, None)
