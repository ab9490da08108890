"""The status that follows from what happened: one function for each step of a task's life."""

from datetime import datetime

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import (
    Allocation,
    AttemptRecord,
    Condition,
    MLTaskStatus,
    Phase,
)
from mltask_operator.lifecycle import memory, retries, steps
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Pod, Task, Waiting
from mltask_operator.lifecycle.spans import in_seconds, in_words, whole_seconds
from mltask_operator.lifecycle.verdict import Course, Verdict, judge

HISTORY_LENGTH = 10


def run(task: Task, pod: Pod, why: Waiting | None = None) -> MLTaskStatus:
    """Return the status of a task whose Pod runs; `why` says what is the matter with it."""
    return _present(
        task,
        phase=Phase.RUNNING,
        reason=why.reason if why else None,
        message=why.message if why else None,
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=steps.started_at(task, pod),
        steps=steps.under_way(task, pod),
        allocation=_allocation(task),
    )


def wait_for_start(
    task: Task, pod: Pod, waiting: Waiting | None, pending_since: datetime | None
) -> MLTaskStatus:
    """Return the status of a task whose Pod exists and has not started."""
    return _present(
        task,
        phase=Phase.PENDING,
        reason=waiting.reason if waiting else None,
        message=waiting.message if waiting else None,
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
        pending_since=pending_since,
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


def still(task: Task, pod: Pod, reason: Reason, message: str) -> MLTaskStatus:
    """Return the status as it is, with a word on what the Pod waits for."""
    told = {"attempts": pod.attempt, "pod_name": pod.name, "node_name": pod.node_name}
    return task.status.model_copy(update={**told, "reason": reason.value, "message": message})


def suspend(task: Task, now: datetime) -> MLTaskStatus:
    """Return the status of a task that is suspended; its Pod, if it has one, is to go."""
    return _present(
        task,
        phase=Phase.SUSPENDED,
        reason=Reason.SUSPENDED,
        message="spec.suspend is true",
        conditions=(
            _condition("Suspended", "True", Reason.SUSPENDED, "spec.suspend is true", now),
        ),
        attempts=task.status.attempts,
        pod_name=task.status.pod_name,
    )


def resume(task: Task, now: datetime) -> MLTaskStatus:
    """Return the status of a task that is suspended no more."""
    message = "spec.suspend is false"
    return _present(
        task,
        phase=Phase.PENDING,
        conditions=(_condition("Suspended", "False", Reason.RESUMED, message, now),),
        attempts=task.status.attempts,
    )


def fail(task: Task, why: Waiting, now: datetime, pod: Pod | None = None) -> MLTaskStatus:
    """Return the status of a task that fails over what it waits for: a Pod, or its Pod's start."""
    reason, message = why.reason, why.message or ""
    return _present(
        task,
        phase=Phase.FAILED,
        reason=reason,
        message=message,
        conditions=_final_conditions(task, Phase.FAILED, reason, message, now),
        attempts=pod.attempt if pod else task.status.attempts,
        pod_name=pod.name if pod else None,
        node_name=pod.node_name if pod else None,
        completion_time=in_seconds(now),
        steps=steps.skipped(task),
    )


def settle(task: Task, pod: Pod, ending: Ending, now: datetime) -> MLTaskStatus:
    """Return the status after an attempt has ended: the outcome, or the way to a next attempt."""
    verdict = judge(task, pod, ending)
    if verdict.course in (Course.SUCCEED, Course.FAIL):
        return _conclude(task, pod, ending, verdict, now)
    return _follow_up(task, pod, ending, verdict, now)


def _conclude(
    task: Task, pod: Pod, ending: Ending, verdict: Verdict, now: datetime
) -> MLTaskStatus:
    succeeded = verdict.course is Course.SUCCEED
    phase = Phase.SUCCEEDED if succeeded else Phase.FAILED
    exit_code, output = _evidence(task, ending, succeeded=succeeded)
    return _present(
        task,
        phase=phase,
        reason=verdict.reason,
        message=verdict.message,
        conditions=_final_conditions(task, phase, verdict.reason, verdict.message, now),
        failures=task.status.failures + (not succeeded and ending.kind is not EndingKind.SUCCEEDED),
        attempts=pod.attempt,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=ending.started_at,
        completion_time=in_seconds(ending.at),
        duration=in_words(ending.started_at, ending.at),
        exit_code=exit_code,
        result=output if succeeded else None,
        log_tail=None if succeeded else output,
        steps=steps.after(task, pod, ending, failed=True, skips=True),
        allocation=_allocation(task, pod, ending),
    )


def _evidence(task: Task, ending: Ending, *, succeeded: bool) -> tuple[int | None, str | None]:
    """Return the exit code and the last words of what decided the task's outcome.

    A last attempt that went well does not decide where steps have failed before it.
    """
    failed = steps.failed_among(task.status.steps)
    if succeeded or ending.kind is not EndingKind.SUCCEEDED or not failed:
        return ending.exit_code, ending.output
    return failed[-1].exit_code, failed[-1].result


def _follow_up(
    task: Task, pod: Pod, ending: Ending, verdict: Verdict, now: datetime
) -> MLTaskStatus:
    course = verdict.course
    failures = task.status.failures + (course in (Course.RETRY, Course.GO_ON))
    grown = memory.grown(task) if course is Course.ASK_FOR_MORE else None
    record = AttemptRecord(
        attempt=pod.attempt,
        reason=ending.reason,
        message=ending.message,
        exit_code=ending.exit_code,
        pod_name=pod.name,
        node_name=pod.node_name,
        start_time=ending.started_at,
        # The pause before the next attempt starts here, by our clock. The node's may be ahead.
        completion_time=in_seconds(min(ending.at, now)),
        memory=memory.asked(task),
    )
    history = (*task.status.history, record)[-HISTORY_LENGTH:]
    pause = retries.pause_after(task.rules, verdict.reason, failures, history)
    message = verdict.message
    if course is Course.RETRY or pause > retries.REJECTION_PAUSE:
        message += f"; the next one follows {whole_seconds(pause)} s after that"
    return _present(
        task,
        # Until it is resumed: a Pod may also end by itself after it was told to.
        phase=Phase.SUSPENDED if task.status.phase is Phase.SUSPENDED else Phase.PENDING,
        reason=verdict.reason,
        message=message,
        conditions=task.status.conditions,
        attempts=pod.attempt,
        failures=failures,
        disruptions=task.status.disruptions + (course is Course.REPEAT),
        steps=steps.after(task, pod, ending, failed=course is Course.GO_ON, skips=False),
        allocation=_allocation(task, pod, ending, grown),
        history=history,
    )


def _allocation(
    task: Task, pod: Pod | None = None, ending: Ending | None = None, grown: int | None = None
) -> Allocation:
    """Return what the task is given; an attempt that has ended adds the time for which it was."""
    requests = memory.requests(task, grown)
    seconds = task.status.allocation.seconds if task.status.allocation else 0
    if pod is not None and ending is not None and pod.scheduled_at is not None:
        seconds += max(0, whole_seconds(ending.at - pod.scheduled_at))
    return Allocation(requests=requests, seconds=seconds)


def _present(task: Task, *, phase: Phase, **known: object) -> MLTaskStatus:
    """Return a new status, with only the fields of the last one that every transition keeps."""
    handed_on = {
        "conditions": task.status.conditions,
        "failures": task.status.failures,
        "disruptions": task.status.disruptions,
        "steps": task.status.steps,
        "allocation": task.status.allocation,
        "history": task.status.history,
        "observed_generation": task.generation,
    }
    return MLTaskStatus.model_validate({**handed_on, "phase": phase, **known})


def _final_conditions(
    task: Task, phase: Phase, reason: Reason, message: str, now: datetime
) -> tuple[Condition, ...]:
    name = "Complete" if phase is Phase.SUCCEEDED else "Failed"
    # It is no longer suspended.
    before = tuple(c for c in task.status.conditions if c.status == "False")
    return before + tuple(
        _condition(kind, "True", reason, message, now) for kind in (name, "Finished")
    )


def _condition(kind: str, status: str, reason: Reason, message: str, now: datetime) -> Condition:
    return Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "last_transition_time": in_seconds(now),
        }
    )
