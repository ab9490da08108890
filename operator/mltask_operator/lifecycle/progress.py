"""The status that follows from what happened: one function for each step of a task's life."""

from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import AttemptRecord, Condition, MLTaskStatus, Phase
from mltask_operator.lifecycle.ending import Ending, EndingKind
from mltask_operator.lifecycle.observed import Pod, Task

HISTORY_LENGTH = 10


def run(task: Task, pod: Pod) -> MLTaskStatus:
    """Return the status of a task whose Pod runs."""
    return _present(
        task,
        phase=Phase.RUNNING,
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=pod.main.started_at if pod.main else None,
    )


def wait_for_start(task: Task, pod: Pod) -> MLTaskStatus:
    """Return the status of a task whose Pod exists and has not started."""
    return _present(
        task,
        phase=Phase.PENDING,
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
    )


def wait_for_pod(task: Task, reason: Reason, message: str) -> MLTaskStatus:
    """Return the status of a task whose Pod could not be made yet."""
    return _present(
        task,
        phase=Phase.PENDING,
        reason=reason,
        message=message,
        attempts=task.status.attempts,
    )


def refuse(task: Task, reason: Reason, message: str, now: datetime) -> MLTaskStatus:
    """Return the status of a task whose Pod can never be made."""
    return _present(
        task,
        phase=Phase.FAILED,
        reason=reason,
        message=message,
        attempts=task.status.attempts,
        completion_time=_in_seconds(now),
        conditions=_conditions(Phase.FAILED, reason, message, now),
    )


def settle(task: Task, pod: Pod, ending: Ending, now: datetime) -> MLTaskStatus:
    """Return the status after an attempt has ended: the outcome, or the way to a next attempt."""
    if ending.kind is EndingKind.DISRUPTED:
        return _follow_up(task, pod, ending)
    phase = Phase.SUCCEEDED if ending.kind is EndingKind.SUCCEEDED else Phase.FAILED
    succeeded = phase is Phase.SUCCEEDED
    return _present(
        task,
        phase=phase,
        reason=ending.reason,
        message=ending.message,
        conditions=_conditions(phase, ending.reason, ending.message, now),
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=ending.started_at,
        completion_time=_in_seconds(ending.at),
        duration=_duration(ending.started_at, ending.at),
        exit_code=ending.exit_code,
        result=ending.output if succeeded else None,
        log_tail=None if succeeded else ending.output,
    )


def _follow_up(task: Task, pod: Pod, ending: Ending) -> MLTaskStatus:
    record = AttemptRecord(
        attempt=pod.attempt,
        reason=ending.reason,
        message=ending.message,
        exit_code=ending.exit_code,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=ending.started_at,
        completion_time=_in_seconds(ending.at),
    )
    return _present(
        task,
        phase=Phase.PENDING,
        reason=ending.reason,
        message=ending.message,
        attempts=pod.attempt,
        disruptions=task.status.disruptions + 1,
        history=(*task.status.history, record)[-HISTORY_LENGTH:],
    )


def _present(task: Task, *, phase: Phase, **known: object) -> MLTaskStatus:
    """Return a status made anew: only what every step hands on is taken from the last one."""
    handed_on = {
        "disruptions": task.status.disruptions,
        "history": task.status.history,
        "observed_generation": task.generation,
    }
    return MLTaskStatus.model_validate({**handed_on, "phase": phase, **known})


def _conditions(phase: Phase, reason: Reason, message: str, now: datetime) -> tuple[Condition, ...]:
    name = "Complete" if phase is Phase.SUCCEEDED else "Failed"
    return tuple(
        Condition(
            type=condition,
            status="True",
            reason=reason,
            message=message,
            last_transition_time=_in_seconds(now),
        )
        for condition in (name, "Finished")
    )


def _in_seconds(moment: datetime) -> datetime:
    """Cut a time to whole seconds, as metav1.Time has them."""
    return moment.replace(microsecond=0)


def _duration(start: datetime | None, end: datetime) -> str | None:
    """Return a time span as kubectl prints one: two units at most, for example 3m20s or 2d5h."""
    if start is None:
        return None
    seconds = max(0, int((end - start) / timedelta(seconds=1)))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if hours < 1:
        return f"{minutes}m{seconds % 60}s"
    if hours < 48:
        return f"{hours}h{minutes % 60}m"
    return f"{days}d{hours % 24}h"
