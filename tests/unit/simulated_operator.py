"""The operator's own store, queue and reconciler against the API server in memory.

What stands between them is simulated: watches that lag, break and lose deletions, a process that
dies.
"""

import copy
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.runtime.listing import Lister
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.set_aside import SetAside
from mltask_operator.runtime.store import Store
from tests.fake_api import Crash, FakeApi, Fault

Json = dict[str, Any]
T = TypeVar("T")
KINDS = ("tasks", "pods")
METRICS = Metrics()


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never really waits, as none does against the server in memory."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the coroutine waits for something")


class SimulatedOperator:
    """An operator's process, with the watches that tell it what happens."""

    def __init__(self, api: FakeApi, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._clock = clock
        self._events: dict[str, deque[tuple[str, Json]]] = {kind: deque() for kind in KINDS}
        self._late: dict[str, int] = {}
        """How many of the events are older than the last listing."""

    def note(self, kind: str, event: str, body: Json) -> None:
        """Have the watch show this event some time."""
        self._events[kind].append((event, body))

    def restart(self) -> None:
        """Start the process anew, with an empty memory: it reads what is open, then Kopf lists."""
        self.store = Store(self._clock)
        self._lister = Lister(self._api, self.store, [None], SetAside(lambda _: None))
        self.quota = QuotaQueue(lambda _: None, lambda _: 0)
        self._reconciler = Reconciler(
            self._api,
            self.store,
            self.quota,
            self._clock,
            METRICS,
            self._api.events.append,
            is_crowded=lambda: False,
        )
        self.take_over()
        for kind in KINDS:
            self.break_watch(kind)

    def take_over(self) -> None:
        """Begin to act after having stood by, with all that the watches have shown until now."""
        finish(self._lister.catch_up())
        self._begin_to_act()

    def _begin_to_act(self) -> None:
        self.store.verifies_removals = True
        for task in self.store.waiting_for_quota():
            self.quota.park(task)

    def reconcile(self, uid: str, fault: Fault | None) -> None:
        """Act for the task until it has to wait, or until the fault strikes."""
        self._api.fault = fault
        try:
            finish(self._reconciler.reconcile(uid))
        except (ApiError, Unreachable):
            pass
        except Crash:
            self.restart()
        self._api.fault = None

    def deliver(self, kind: str, count: int) -> None:
        """Let the watch show its next events."""
        for _ in range(min(count, len(self._events[kind]))):
            event, body = self._events[kind].popleft()
            self._late[kind] = max(0, self._late.get(kind, 0) - 1)
            if event == "DELETED" and kind == "tasks":
                self.store.record_task_removed(body["metadata"]["uid"])
            elif event == "DELETED":
                self.store.record_pod_removed(body)
            elif kind == "tasks":
                self.store.record_task(body)
            else:
                self.store.record_pod(body)

    def break_watch(self, kind: str) -> None:
        """Let the watch begin anew: it lists what exists, and what went is never told of."""
        self._events[kind].clear()
        self._late[kind] = 0
        objects = self._api.tasks if kind == "tasks" else self._api.pods
        for body in objects.values():
            self._events[kind].append(("LISTED", copy.deepcopy(body)))

    def list_anew(self) -> None:
        """List everything, minutes after the last time: no watch lags behind by that much."""
        for kind, count in self._late.items():
            self.deliver(kind, count)
        self._late = {kind: len(queue) for kind, queue in self._events.items()}
        finish(self._lister.list_all())
