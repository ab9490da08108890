"""Builders of what may be observed, that read like sentences: a_task().with_pod(running()).

They refuse what no API server would show, so that no test can pass on an impossible state.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from mltask_operator.api.names import pod_name
from mltask_operator.api.status import AttemptRecord, MLTaskStatus, Phase
from mltask_operator.lifecycle.observed import (
    Container,
    Observed,
    Owner,
    Pod,
    PodPhase,
    Refusal,
    RefusalKind,
    Task,
)
from mltask_operator.lifecycle.rules import Rules

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE, NAME, UID = "team-a", "train", "0b5f1c2e-aaaa-bbbb-cccc-0123456789ab"
SPEC: dict[str, Any] = {"image": "trainer:1", "resources": {"requests": {"cpu": "1"}}}


class ImpossibleError(AssertionError):
    """A fixture that describes a state in which no API server could be."""


def ago(seconds: float) -> datetime:
    """Return the moment that many seconds before NOW."""
    return NOW - timedelta(seconds=seconds)


def a_pod(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod of this attempt that waits for a node."""
    pod = Pod(
        namespace=NAMESPACE,
        name=pod_name(NAME, UID, attempt),
        uid=f"pod-{attempt}",
        resource_version="20",
        created_at=ago(40),
        attempt=attempt,
        is_genuine=True,
        is_owned=True,
        is_held=True,
        phase=PodPhase.PENDING,
    )
    return replace(pod, **changes)


def running(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod whose container main runs since half a minute."""
    main = Container(name="main", is_running=True, started_at=ago(30))
    return a_pod(
        attempt, **{"phase": PodPhase.RUNNING, "node_name": "n1", "containers": (main,), **changes}
    )


def ended(exit_code: int, attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod whose container main ended ten seconds ago with this exit code."""
    main = terminated("main", exit_code, message=changes.pop("output", None))
    phase = PodPhase.FAILED if exit_code else PodPhase.SUCCEEDED
    return a_pod(attempt, **{"phase": phase, "node_name": "n1", "containers": (main,), **changes})


def succeeded(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod that ended with exit code 0."""
    return ended(0, attempt, **changes)


def terminated(name: str, exit_code: int, **changes: Any) -> Container:
    """Return a container that ended ten seconds ago with this exit code."""
    reason = "Error" if exit_code else "Completed"
    return Container(
        name=name,
        is_terminated=True,
        exit_code=exit_code,
        **{"reason": reason, "started_at": ago(30), "finished_at": ago(10), **changes},
    )


def disrupted_before(attempt: int = 1, seconds: float = 30) -> MLTaskStatus:
    """Return the status of a task whose attempts up to this one were disrupted."""
    records = tuple(
        AttemptRecord(
            attempt=number,
            reason="PodEvicted",
            pod_name=pod_name(NAME, UID, number),
            completion_time=ago(seconds),
        )
        for number in range(1, attempt + 1)
    )
    return MLTaskStatus(
        reason="PodEvicted", attempts=attempt, disruptions=attempt, history=records[-10:]
    )


def rejected_before(attempts: int, seconds: float) -> MLTaskStatus:
    """Return the status of a task whose Pods were all rejected, the last one so long ago."""
    status = disrupted_before(attempts, seconds)
    records = (record.model_copy(update={"reason": "PodRejected"}) for record in status.history)
    return status.model_copy(update={"reason": "PodRejected", "history": tuple(records)})


@dataclass(frozen=True)
class TaskBuilder:
    """What is observed of one task, until `build` makes the value of it."""

    status: MLTaskStatus = field(default_factory=MLTaskStatus)
    pods: tuple[Pod, ...] = ()
    refusal: Refusal | None = None
    is_gone: bool = False
    is_unknown: bool = False
    is_being_deleted: bool = False
    is_understood: bool = True
    rules: Rules = field(default_factory=Rules)
    asked_memory: int | None = None
    behind: str | None = None
    reported_at: datetime | None = None
    changed_at: datetime = NOW - timedelta(minutes=1)

    def with_pod(self, pod: Pod) -> Self:
        """Add a Pod."""
        return replace(self, pods=(*self.pods, pod))

    def with_status(self, status: MLTaskStatus | None = None, **fields: Any) -> Self:
        """Set the status that the task has."""
        return replace(self, status=status or MLTaskStatus(**fields))

    def that_finished(self, phase: Phase = Phase.SUCCEEDED) -> Self:
        """Set an outcome, after one attempt."""
        return self.with_status(phase=phase, reason="Completed", attempts=1)

    def refused(self, kind: RefusalKind, seconds_ago: float = 0, count: int = 1) -> Self:
        """Have the creation of its next Pod refused."""
        refusal = Refusal(kind=kind, message="no", at=ago(seconds_ago), count=count)
        return replace(self, refusal=refusal)

    def with_rules(self, **rules: Any) -> Self:
        """Set what its spec says of its life: the fields of Rules."""
        return replace(self, rules=replace(self.rules, **rules))

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

    def being_deleted(self) -> Self:
        """Have a user delete it, with a finalizer still on it."""
        return replace(self, is_being_deleted=True)

    def not_understood(self) -> Self:
        """Have a later version's status."""
        return replace(self, is_understood=False)

    def gone(self) -> Self:
        """Have it deleted, and known to be."""
        return replace(self, is_gone=True)

    def never_seen(self) -> Self:
        """Have only its Pods known."""
        return replace(self, is_unknown=True)

    def build(self) -> Observed:
        """Return the value, or raise ImpossibleError."""
        task = Task(
            namespace=NAMESPACE,
            name=NAME,
            uid=UID,
            resource_version="10",
            generation=1,
            created_at=ago(60),
            is_being_deleted=self.is_being_deleted,
            is_understood=self.is_understood,
            status=self.status,
            spec=None if self.status.is_finished else SPEC,
            rules=self.rules,
            asked_memory=self.asked_memory,
        )
        seen = Observed(
            owner=Owner(namespace=NAMESPACE, name=NAME, uid=UID),
            task=None if self.is_gone or self.is_unknown else task,
            is_task_gone=self.is_gone,
            pods=self.pods,
            refusal=self.refusal,
            behind=self.behind,
            changed_at=self.changed_at if self.pods else None,
            reported_at=self.reported_at,
        )
        _refuse_the_impossible(seen)
        return seen


def a_task() -> TaskBuilder:
    """Return a task that was just created."""
    return TaskBuilder()


def _refuse_the_impossible(seen: Observed) -> None:
    genuine = [pod for pod in seen.pods if pod.is_genuine]
    if len({pod.attempt for pod in genuine}) < len(genuine):
        raise ImpossibleError("two Pods of one attempt: their names are the same")
    if seen.refusal and seen.pods:
        raise ImpossibleError("a refused creation and a Pod: the store forgets the refusal")
    for pod in seen.pods:
        if pod.phase is PodPhase.SUCCEEDED and any(c.exit_code for c in pod.containers):
            raise ImpossibleError("a succeeded Pod with a container that failed")
        if pod.phase is PodPhase.RUNNING and pod.node_name is None:
            raise ImpossibleError("a running Pod without a node")
        if pod.has_ended and any(c.is_running for c in pod.containers):
            raise ImpossibleError("an ended Pod with a container that runs")
        if not pod.is_held and pod.is_being_deleted and pod.has_ended:
            raise ImpossibleError("an ended Pod that is deleted and not held: it is gone")
