"""The whole lifecycle of a task on one page: what was observed, and so what to do next.

One action at a time. After it the world is observed again, so every crash lies between two
observations, and whatever was done twice meets a name or a precondition that refuses it.
"""

from datetime import datetime, timedelta
from itertools import takewhile

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.lifecycle import progress
from mltask_operator.lifecycle.actions import (
    Action,
    CreatePod,
    DeletePod,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.observed import Observed, Pod, Refusal, RefusalKind, Task

DISRUPTION_PAUSE = timedelta(seconds=1)
LONGEST_REJECTION_PAUSE = timedelta(minutes=1)
"""Between a disrupted attempt and the next. A disruption costs no backoff, but for Pods that a node
rejects one after the other: there the pause doubles, or that would be a hot loop."""
FIRST_REFUSAL_PAUSE = timedelta(seconds=1)
LONGEST_REFUSAL_PAUSE = timedelta(seconds=30)
"""Between a refused creation that may yet succeed and the next try: doubling from the first to
the longest."""
REPORT_DELAY = timedelta(seconds=1)
"""How long a state that is not final must stand before it is written, so that a task that ends
within a second goes from Pending to its outcome in one write."""


def decide(seen: Observed, now: datetime) -> Action:
    """Return the next action for what was seen; `now` is the operator's clock, in UTC."""
    if is_settled(seen):
        return Wait("settled")
    if seen.task is None and not seen.is_task_gone:
        return ReadTask(seen.owner)
    if seen.task is None or seen.task.is_being_deleted:
        return _let_go_of_all(seen.pods)
    if not seen.task.is_understood:
        return Wait("a later version of the operator wrote this status")
    return _let_go_of_copies(seen.pods) or _run(seen.task, seen, now)


def is_settled(seen: Observed) -> bool:
    """Whether nothing is left to do for good: the task is finished or gone, and has no Pod."""
    return (seen.is_task_gone or (seen.task is not None and seen.task.status.is_finished)) and (
        not seen.pods
    )


def _run(task: Task, seen: Observed, now: datetime) -> Action:
    pods = [pod for pod in seen.pods if pod.is_genuine]
    # Record, then destroy: a Pod goes only once its end is durable in status.
    for pod in pods:
        if task.status.is_finished or pod.attempt <= task.settled_attempts:
            return _free(pod)
    if task.status.is_finished:
        return Wait("finished")
    if not pods:
        return _allocate(task, seen.refusal, now)
    pod = pods[0]
    if ending := how_it_ended(pod, now):
        return WriteStatus(task, progress.settle(task, pod, ending, now))
    return _report(task, pod, seen.changed_at or now, now)


def _free(pod: Pod) -> Action:
    if not pod.is_being_deleted:
        return DeletePod(pod)
    if pod.is_held:
        return ReleasePod(pod)
    return Wait("the kubelet removes the Pod")


def _let_go_of_copies(pods: tuple[Pod, ...]) -> Action | None:
    # Somebody's copy of a Pod (`kubectl get -o yaml | kubectl create`) carries our finalizer too.
    for pod in pods:
        if not pod.is_genuine and pod.is_held and pod.is_being_deleted:
            return ReleasePod(pod)
    return None


def _let_go_of_all(pods: tuple[Pod, ...]) -> Action:
    # The garbage collector deletes the Pods of a deleted task, or cuts their owner reference if
    # the user said --cascade=orphan and so keeps them. Nobody but it can tell which.
    for pod in pods:
        if pod.is_held and (pod.is_being_deleted or not pod.is_owned):
            return ReleasePod(pod)
    return Wait("the garbage collector sees to the Pods of a deleted task")


def _allocate(task: Task, refusal: Refusal | None, now: datetime) -> Action:
    if refusal is not None:
        if (reason := _FINAL_REFUSALS.get(refusal.kind)) is not None:
            return WriteStatus(task, progress.refuse(task, reason, refusal.message, now))
        reason = _PASSING_REFUSALS[refusal.kind]
        # The words change with each try (a quota's count what is used); the reason is the news.
        if (task.status.phase, task.status.reason) != (Phase.PENDING, reason):
            return WriteStatus(task, progress.wait_for_pod(task, reason, refusal.message))
        pause = min(FIRST_REFUSAL_PAUSE * (1 << min(refusal.count - 1, 16)), LONGEST_REFUSAL_PAUSE)
        if now < refusal.at + pause:
            return Wait("the creation of the Pod was refused", until=refusal.at + pause)
    if task.status.history:
        pause = _disruption_pause(task)
        next_at = task.status.history[-1].completion_time + pause
        # A node's clock may be ahead of ours; the pause is never longer for that.
        if now < next_at <= now + pause:
            return Wait("the last attempt was disrupted", until=next_at)
    return CreatePod(task, task.settled_attempts + 1)


_FINAL_REFUSALS = {
    RefusalKind.INVALID: Reason.INVALID_TEMPLATE,
    RefusalKind.FORBIDDEN: Reason.POD_FORBIDDEN,
}
"""Trying again would not change the answer: the task has failed."""
_PASSING_REFUSALS = {
    RefusalKind.QUOTA: Reason.QUOTA_EXCEEDED,
    RefusalKind.NAME_TAKEN: Reason.POD_NAME_TAKEN,
    RefusalKind.NOT_PERMITTED: Reason.OPERATOR_FORBIDDEN,
    RefusalKind.NO_SERVICE_ACCOUNT: Reason.SERVICE_ACCOUNT_NOT_FOUND,
    RefusalKind.NAMESPACE_TERMINATING: Reason.NAMESPACE_TERMINATING,
}
"""What a refused task waits for."""


def _disruption_pause(task: Task) -> timedelta:
    latest_first = reversed(task.status.history)
    rejected = takewhile(lambda record: record.reason == Reason.POD_REJECTED, latest_first)
    doublings = max(0, sum(1 for _ in rejected) - 1)
    return min(DISRUPTION_PAUSE * (1 << doublings), LONGEST_REJECTION_PAUSE)


def _report(task: Task, pod: Pod, changed_at: datetime, now: datetime) -> Action:
    if pod.is_being_deleted:
        return Wait("the kubelet ends the Pod")
    if pod.is_running:
        status = progress.run(task, pod)
    elif task.status.reason in _PASSING_REFUSALS.values():
        status = progress.wait_for_start(task, pod)
    else:
        return Wait("the Pod starts")
    if status == task.status:
        return Wait("the Pod runs")
    if now < (report_at := changed_at + REPORT_DELAY):
        return Wait("the state may change at once", until=report_at)
    return WriteStatus(task, status)
