"""A builder of what may be observed of a task, that reads like a sentence.

For example a_task().with_rules(backoff_limit=1).with_pod(ended(3)). It refuses what no API server
would show, so that no test can pass on an impossible state.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from mltask_operator.api.status import Allocation, MLTaskStatus, Phase
from mltask_operator.lifecycle import memory
from mltask_operator.lifecycle.observed import (
    Observed,
    Owner,
    Pod,
    QuotaExcess,
    Refusal,
    RefusalKind,
    Task,
)
from mltask_operator.lifecycle.rules import Rules
from tests.unit.impossible import refuse_the_impossible
from tests.unit.pods import NAME, NAMESPACE, NOW, UID, ago
from tests.unit.statuses import finished_status

SPEC: dict[str, Any] = {"image": "trainer:1", "resources": {"requests": {"cpu": "1"}}}


@dataclass(frozen=True)
class TaskBuilder:
    """What is observed of one task, until `build` makes the value of it."""

    status: MLTaskStatus = field(default_factory=MLTaskStatus)
    pods: tuple[Pod, ...] = ()
    refusal: Refusal | None = None
    is_gone: bool = False
    is_unknown: bool = False
    is_being_deleted: bool = False
    unknown: str | None = None
    rules: Rules = field(default_factory=Rules)
    asked_memory: int | None = None
    behind: str | None = None
    reported_at: datetime | None = None
    changed_at: datetime = NOW - timedelta(minutes=1)
    is_crowded: bool = False

    def with_pod(self, pod: Pod) -> Self:
        """Add a Pod."""
        return replace(self, pods=(*self.pods, pod))

    def with_status(self, status: MLTaskStatus | None = None, **fields: Any) -> Self:
        """Set the status that the task has."""
        return replace(self, status=status or MLTaskStatus(**fields))

    def that_finished(self, phase: Phase = Phase.SUCCEEDED, seconds_ago: float = 10) -> Self:
        """Set an outcome, after one attempt."""
        return self.with_status(finished_status(phase, seconds_ago))

    def refused(self, kind: RefusalKind, seconds_ago: float = 0, count: int = 1) -> Self:
        """Have the creation of its next Pod refused."""
        refusal = Refusal(kind=kind, message="no", at=ago(seconds_ago), count=count)
        if kind is RefusalKind.QUOTA:
            cpu = QuotaExcess(
                quota="compute", resources=frozenset({"requests.cpu"}), never_fits=False
            )
            refusal = replace(refusal, excess=cpu)
        return replace(self, refusal=refusal)

    def that_never_fits(self) -> Self:
        """Have it refused for more than its quota holds in all."""
        assert self.refusal is not None
        assert self.refusal.excess is not None
        excess = replace(self.refusal.excess, never_fits=True)
        return replace(self, refusal=replace(self.refusal, excess=excess))

    def with_rules(self, **rules: Any) -> Self:
        """Set what its spec says of its life: the fields of Rules."""
        return replace(self, rules=replace(self.rules, **rules))

    def of_steps(self, *names: str, **rules: Any) -> Self:
        """Have it consist of these steps."""
        return self.with_rules(steps=names, **rules)

    def asking_for(self, memory: int) -> Self:
        """Have it ask for this much memory in bytes, after attempts that ran out of it."""
        return replace(self, asked_memory=memory)

    def queued(self) -> Self:
        """Have others come before it, for quota."""
        return replace(self, behind="waits for quota compute after another")

    def reported(self, seconds_ago: float) -> Self:
        """Set when its status was last written."""
        return replace(self, reported_at=ago(seconds_ago))

    def changed(self, seconds_ago: float) -> Self:
        """Set when its Pod was first seen in its phase."""
        return replace(self, changed_at=ago(seconds_ago))

    def in_a_crowd(self) -> Self:
        """Have other tasks wait for the operator."""
        return replace(self, is_crowded=True)

    def being_deleted(self) -> Self:
        """Have a user delete it, with a finalizer still on it."""
        return replace(self, is_being_deleted=True)

    def not_understood(self) -> Self:
        """Have a later version's status."""
        return replace(self, unknown="status.phase: Paused")

    def gone(self) -> Self:
        """Have it deleted, and known to be."""
        return replace(self, is_gone=True)

    def never_seen(self) -> Self:
        """Have only its Pods known."""
        return replace(self, is_unknown=True)

    @property
    def task(self) -> Task:
        """The task alone."""
        return Task(
            namespace=NAMESPACE,
            name=NAME,
            uid=UID,
            resource_version="10",
            generation=1,
            created_at=ago(60),
            is_being_deleted=self.is_being_deleted,
            unknown=self.unknown,
            status=self._status_with_allocation(),
            requests={} if self.status.is_finished else {"cpu": "1"},
            rules=self.rules,
            asked_memory=self.asked_memory,
            finished_at=self.status.finished_at,
        )

    def build(self) -> Observed:
        """Return the value, or raise ImpossibleError."""
        seen = Observed(
            owner=Owner(namespace=NAMESPACE, name=NAME, uid=UID),
            task=None if self.is_gone or self.is_unknown else self.task,
            is_task_gone=self.is_gone,
            pods=self.pods,
            refusal=self.refusal,
            behind=self.behind,
            changed_at=self.changed_at if self.pods else None,
            reported_at=self.reported_at,
            is_crowded=self.is_crowded,
        )
        refuse_the_impossible(seen)
        return seen

    def _status_with_allocation(self) -> MLTaskStatus:
        # What a task asks for is read off its status.
        if self.asked_memory is None or self.status.allocation is not None:
            return self.status
        requests = {"cpu": "1", "memory": memory.quantity(self.asked_memory)}
        return self.status.model_copy(
            update={"allocation": Allocation(requests=requests, seconds=0)}
        )


def a_task() -> TaskBuilder:
    """Return a task that was just created."""
    return TaskBuilder()
