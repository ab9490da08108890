"""The quota queue against its rules written down naively, over random operations."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from mltask_operator.lifecycle.observed import QuotaExcess, Task
from mltask_operator.runtime.quota_queue import QuotaQueue
from tests.unit.naive_quota_queue import NaiveQuotaQueue
from tests.unit.waiting_tasks import FOR_HIGH, a_quota, a_waiting_task

Json = dict[str, Any]
Pending = tuple[Task, int, int]

RESOURCES = ("gpu", "fpga", "tpu", "cpu")
ADDED = ("ephemeral-storage", "hugepages-2Mi", "example.org/fpga")
QUOTAS = ("compute", "devices", "urgent")
FORGOTTEN, KEPT = "team-a", "team-b"
"""KEPT always has a quota. The queue forgets the other when it has neither quota nor task."""
MESSAGE = (
    "exceeded quota: devices, requested: requests.gpu=1, used: requests.gpu=8, "
    "limited: requests.gpu=8"
)

excesses = st.none() | st.builds(
    QuotaExcess,
    quota=st.sampled_from(QUOTAS),
    resources=st.sets(
        st.sampled_from(["pods", "requests.gpu", "count/pods", "requests.fpga", "tpu", *ADDED]),
        min_size=1,
        max_size=3,
    ).map(frozenset),
    never_fits=st.sampled_from([False, False, True]),
)
classes = st.sampled_from([None, "high", "low", "new"])
SCOPES: list[tuple[Json, ...]] = [
    (),
    (),
    FOR_HIGH,
    ({"scopeName": "PriorityClass", "operator": "NotIn", "values": ["high"]},),
    ({"scopeName": "PriorityClass", "operator": "Exists"},),
    ({"scopeName": "Terminating", "operator": "Exists"},),
    (*FOR_HIGH, {"scopeName": "NotTerminating", "operator": "Exists"}),
]


class Comparison(RuleBasedStateMachine):
    """Both queues are told the same, and must answer and wake the same."""

    tasks: Bundle[Task] = Bundle("tasks")
    pending: Bundle[Pending] = Bundle("pending")

    def __init__(self) -> None:
        super().__init__()
        self.priorities: dict[str | None, int] = {"high": 10, "low": -10}
        self.default: str | None = None
        self.seen: list[Task] = []
        self.woken: list[str] = []
        self.expected: list[str] = []

        def priority_of(name: str | None) -> int:
            return self.priorities.get(name, 0)

        def default_class() -> str | None:
            return self.default

        self.queue = QuotaQueue(self.woken.append, priority_of, default_class)
        self.naive = NaiveQuotaQueue(self.expected.append, priority_of, default_class)

    @initialize()
    def give_a_quota(self) -> None:
        self.tell("note_quota", None, a_quota("permanent", used=1, namespace=KEPT))

    def tell(self, method: str, *arguments: Any) -> None:
        getattr(self.queue, method)(*arguments)
        getattr(self.naive, method)(*arguments)

    @rule(
        target=tasks,
        age=st.integers(0, 30),
        priority_class=classes,
        resources=st.sets(st.sampled_from(RESOURCES)),
        namespace=st.sampled_from([FORGOTTEN, KEPT]),
        message=st.sampled_from([None, None, MESSAGE]),
        is_terminating=st.booleans(),
        runtime_class=st.sampled_from([None, None, "sandbox"]),
    )
    def come(
        self,
        age: int,
        priority_class: str | None,
        resources: set[str],
        namespace: str,
        message: str | None,
        runtime_class: str | None,
        *,
        is_terminating: bool,
    ) -> Task:
        task = a_waiting_task(
            f"t{len(self.seen)}",
            age=age,
            priority_class=priority_class,
            resources=tuple(resources),
            namespace=namespace,
            message=message,
            is_terminating=is_terminating,
            runtime_class=runtime_class,
        )
        self.seen.append(task)
        return task

    @rule(task=tasks)
    def park(self, task: Task) -> None:
        self.tell("park", task)

    @rule(task=tasks, excess=excesses)
    def refuse(self, task: Task, excess: QuotaExcess | None) -> None:
        self.answer(self.ask(task), excess)

    @rule(excess=excesses)
    def work_off_a_round(self, excess: QuotaExcess | None) -> None:
        """Have each woken task ask, until none is left, as after a release."""
        for _ in range(len(self.seen)):
            woken = [task for task in self.seen if task.uid in self.woken[-1:]]
            if not woken or not self.queue.is_released(woken[0].uid, woken[0].namespace):
                return
            self.refuse_now(woken[0], excess)

    def refuse_now(self, task: Task, excess: QuotaExcess | None) -> None:
        self.queue.refuse(task, excess, self.queue.releases(task.namespace))
        self.naive.refuse(task, excess, self.naive.releases(task.namespace))

    @rule(target=pending, task=tasks)
    def ask(self, task: Task) -> Pending:
        """Have a task ask whose answer comes later."""
        return task, self.queue.releases(task.namespace), self.naive.releases(task.namespace)

    @rule(pending=consumes(pending), excess=excesses)
    def answer(self, pending: Pending, excess: QuotaExcess | None) -> None:
        task, releases, naive_releases = pending
        self.queue.refuse(task, excess, releases)
        self.naive.refuse(task, excess, naive_releases)

    @rule(task=tasks)
    def leave(self, task: Task) -> None:
        self.tell("leave", task.uid)

    @rule(
        name=st.sampled_from(QUOTAS),
        namespace=st.sampled_from([FORGOTTEN, KEPT]),
        kind=st.sampled_from([None, "ADDED", "MODIFIED", "MODIFIED", "DELETED"]),
        used=st.integers(1, 3),
        hard=st.sampled_from([20, 20, 20, 30]),
        selectors=st.sampled_from(SCOPES),
    )
    def note_quota(
        self,
        name: str,
        namespace: str,
        kind: str | None,
        used: int,
        hard: int,
        selectors: tuple[Json, ...],
    ) -> None:
        quota = a_quota(name, used=used, hard=hard, namespace=namespace, selectors=selectors)
        self.tell("note_quota", kind, quota)

    @rule(
        task=tasks,
        added=st.sets(st.sampled_from(ADDED), max_size=2),
        priority_class=st.sampled_from([None, "high"]),
    )
    def create(self, task: Task, added: set[str], priority_class: str | None) -> None:
        """Have a Pod be admitted, with resources and a PriorityClass that admission adds."""
        resources = {"requests": dict.fromkeys(added, "1")}
        own = {"priorityClassName": task.demand.priority_class or priority_class}
        spec = {"containers": [{"resources": resources}], **own}
        self.tell("note_created", task, {"spec": spec})

    @rule(name=st.sampled_from([None, "high"]))
    def change_default_class(self, name: str | None) -> None:
        self.default = name
        self.tell("wake_all")

    @rule(name=classes, value=st.integers(-20, 20))
    def change_priority(self, name: str | None, value: int) -> None:
        self.priorities[name] = value
        self.tell("wake_all")

    @rule()
    def wake_all(self) -> None:
        self.tell("wake_all")

    @invariant()
    def they_agree(self) -> None:
        assert sorted(self.woken) == sorted(self.expected)
        assert self.queue.waiting() == self.naive.waiting()
        for task in self.seen:
            assert self.queue.behind(task) == self.naive.behind(task)
            released = self.queue.is_released(task.uid, task.namespace)
            assert released == self.naive.is_released(task.uid, task.namespace)


TestComparison = Comparison.TestCase
TestComparison.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
