"""Statuses that the operator has written before, by what had happened to the task."""

from typing import Any

from mltask_operator.api.names import pod_name
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import (
    Allocation,
    AttemptRecord,
    Condition,
    MLTaskStatus,
    Phase,
    StepPhase,
    StepStatus,
)
from tests.unit.pods import NAME, NOW, UID, ago


def status(phase: Phase = Phase.PENDING, **fields: Any) -> MLTaskStatus:
    """Return a status that speaks of the spec's present generation."""
    return MLTaskStatus(phase=phase, **{"observed_generation": 1, **fields})


def running_status(attempt: int = 1, **fields: Any) -> MLTaskStatus:
    """Return the status of a task that is told to run, as the Pod of `running` does."""
    return status(
        Phase.RUNNING,
        **{
            "attempts": attempt,
            "pod_name": pod_name(NAME, UID, attempt),
            "node_name": "n1",
            "start_time": ago(30),
            "allocation": Allocation(requests={"cpu": "1"}, seconds=0),
            **fields,
        },
    )


def waiting_status(reason: Reason, message: str | None = None, **fields: Any) -> MLTaskStatus:
    """Return the status of a task whose Pod is told to wait for this, as `waiting_for` does."""
    has_node = reason not in (Reason.SCHEDULING_GATED, Reason.UNSCHEDULABLE)
    pod = {"pod_name": pod_name(NAME, UID, 1), "node_name": "n1" if has_node else None}
    return status(**{"reason": reason.value, "message": message, "attempts": 1, **pod, **fields})


def out_of_time_status() -> MLTaskStatus:
    """Return the status of a task whose attempt is told to end, having run for too long."""
    return running_status(reason="DeadlineExceeded", message="ran longer than it may")


def suspended_status(**fields: Any) -> MLTaskStatus:
    """Return the status of a task that is suspended."""
    condition = Condition(
        type="Suspended",
        status="True",
        reason="Suspended",
        message="spec.suspend is true",
        last_transition_time=ago(20),
    )
    return status(
        Phase.SUSPENDED,
        **{
            "reason": "Suspended",
            "message": "spec.suspend is true",
            "conditions": (condition,),
            **fields,
        },
    )


def finished_status(phase: Phase = Phase.SUCCEEDED, seconds: float = 10) -> MLTaskStatus:
    """Return the status of a task that came to its end so long ago, after one attempt."""
    kinds = ("Complete" if phase is Phase.SUCCEEDED else "Failed", "Finished")
    conditions = tuple(
        Condition(
            type=kind,
            status="True",
            reason="Completed",
            message="",
            last_transition_time=ago(seconds),
        )
        for kind in kinds
    )
    return status(phase, reason="Completed", attempts=1, conditions=conditions)


def after_attempts(
    reason: Reason, attempts: int = 1, seconds: float = 30, ran: float = 0
) -> MLTaskStatus:
    """Return the status after attempts that all ended for this reason, the last one so long ago.

    Each of them ran for `ran` seconds.
    """
    records = tuple(
        AttemptRecord(
            attempt=number,
            reason=reason,
            pod_name=pod_name(NAME, UID, number),
            start_time=ago(seconds + ran),
            completion_time=ago(seconds),
        )
        for number in range(1, attempts + 1)
    )
    return status(reason=reason.value, attempts=attempts, history=records[-10:])


def disrupted_before(attempts: int = 1, seconds: float = 30, ran: float = 0) -> MLTaskStatus:
    """Return the status of a task whose attempts up to this one were disrupted."""
    before = after_attempts(Reason.POD_EVICTED, attempts, seconds, ran)
    return before.model_copy(update={"disruptions": attempts})


def rejected_before(attempts: int, seconds: float) -> MLTaskStatus:
    """Return the status of a task whose Pods were all rejected, the last one so long ago."""
    before = after_attempts(Reason.POD_REJECTED, attempts, seconds)
    return before.model_copy(update={"disruptions": attempts})


def failed_before(failures: int = 1, seconds: float = 0) -> MLTaskStatus:
    """Return the status of a task that backs off after so many failures, the last so long ago."""
    before = after_attempts(Reason.CONTAINER_FAILED, failures, seconds)
    return before.model_copy(update={"reason": "BackingOff", "failures": failures})


def step(name: str, phase: StepPhase = StepPhase.PENDING, **fields: Any) -> StepStatus:
    """Return how far a step is."""
    return StepStatus(name=name, phase=phase, **fields)


def done(name: str) -> StepStatus:
    """Return a step that has succeeded."""
    return step(
        name,
        StepPhase.SUCCEEDED,
        exit_code=0,
        start_time=ago(50),
        completion_time=ago(45),
        result=f"of {name}",
    )


def broken(name: str) -> StepStatus:
    """Return a step that has failed for good."""
    return step(name, StepPhase.FAILED, exit_code=1, reason="ContainerFailed", completion_time=NOW)
