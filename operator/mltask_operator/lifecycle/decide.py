"""The whole lifecycle of a task on one page: what was observed, and so what to do next.

One action at a time. After it the world is observed again, so every crash lies between two
observations, and whatever was done twice meets a name or a precondition that refuses it.
"""

from datetime import datetime

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.lifecycle import orders, progress, steps
from mltask_operator.lifecycle.actions import (
    Action,
    DeletePod,
    DeleteTask,
    HoldPod,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.allocate import allocate
from mltask_operator.lifecycle.deadlines import (
    active_deadline,
    pending_deadline,
    too_long_active,
    too_long_pending,
)
from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.observed import Observed, Pod, Task, Waiting
from mltask_operator.lifecycle.report import report, report_silence


def decide(seen: Observed, now: datetime) -> Action:
    """Return the next action for what was seen; `now` is the operator's clock, in UTC."""
    if seen.task is None and not seen.is_task_gone:
        return ReadTask(seen.owner)
    if seen.task is None or seen.task.is_being_deleted:
        return _let_go_of_all(seen.pods)
    if not seen.task.is_understood:
        return Wait("a later version of the operator wrote this status")
    return _let_go_of_copies(seen.pods) or _run(seen.task, seen, now)


def _run(task: Task, seen: Observed, now: datetime) -> Action:
    pods = [pod for pod in seen.pods if pod.is_genuine]
    # Record, then destroy: a Pod goes only once its end is durable in status.
    for settled in pods:
        if task.status.is_finished or settled.attempt <= task.settled_attempts:
            return _free(settled)
    if task.status.is_finished:
        return _expire(task, now)
    pod = pods[0] if pods else None
    if pod and (ending := how_it_ended(pod, now, steps.container_names(task))):
        ending = orders.as_ordered(task, pod, ending)
        return WriteStatus(task, progress.settle(task, pod, ending, now))
    if task.rules.is_suspended and task.status.phase is not Phase.SUSPENDED:
        return WriteStatus(task, progress.suspend(task, now))
    if pod is None:
        return _go_on(task, seen, now)
    if pod.deletion_asked_at is not None:
        return report_silence(task, pod, pod.deletion_asked_at, now)
    if orders.is_told_to_end(task):
        return DeletePod(pod)
    if not pod.is_held:
        return HoldPod(pod)
    return _let_run(task, pod, seen, now)


def _free(pod: Pod) -> Action:
    if not pod.is_being_deleted:
        return DeletePod(pod)
    if pod.is_held:
        return ReleasePod(pod)
    return Wait("the kubelet removes the Pod")


def _expire(task: Task, now: datetime) -> Action:
    if task.rules.ttl is None or task.finished_at is None:
        return Wait("finished")
    expires_at = task.finished_at + task.rules.ttl
    if now < expires_at:
        return Wait("its time to live has not passed", until=expires_at)
    return DeleteTask(task)


def _go_on(task: Task, seen: Observed, now: datetime) -> Action:
    if task.status.phase is not Phase.SUSPENDED:
        return allocate(task, seen, now)
    if task.rules.is_suspended:
        return Wait("suspended")
    return WriteStatus(task, progress.resume(task, now))


def _let_run(task: Task, pod: Pod, seen: Observed, now: datetime) -> Action:
    deadline = active_deadline(task, pod)
    if deadline is not None and now >= deadline:
        why = Waiting(reason=Reason.DEADLINE_EXCEEDED, message=too_long_active(task))
        return WriteStatus(task, progress.run(task, pod, why))
    if deadline is None:
        deadline = pending_deadline(task, pod)
        if deadline is not None and now >= deadline:
            why = too_long_pending(task, pod)
            return WriteStatus(task, progress.fail(task, why, now, pod))
    action = report(task, pod, seen, now)
    if isinstance(action, Wait) and deadline is not None:
        return Wait(action.why, until=min(action.until or deadline, deadline))
    return action


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
