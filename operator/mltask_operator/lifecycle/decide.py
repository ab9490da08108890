"""The whole lifecycle of a task on one page: from what was observed to the next action.

It is one action at a time, and then the task is observed again. So every crash lies between two
observations, and a name or a precondition refuses whatever is done twice.
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
    ReadPod,
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
    for pod in seen.pods:
        if pod.is_doubtful:
            return ReadPod(pod)
    if seen.task is None and not seen.is_task_gone:
        return ReadTask(seen.owner)
    if seen.task is None or seen.task.is_being_deleted:
        return _release_all(seen.pods)
    if seen.task.unknown is not None:
        return Wait("a later version of the operator wrote the task")
    return _release_copies(seen.task, seen.pods) or _run(seen.task, seen, now)


def _run(task: Task, seen: Observed, now: datetime) -> Action:
    pods = [pod for pod in seen.pods if _is_genuine(task, pod)]
    # Delete a Pod only after its outcome is stored in status.
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


def _is_genuine(task: Task, pod: Pod) -> bool:
    """Whether the operator may have created this Pod for the task.

    It creates an attempt only after the end of the one before is stored in status. A Pod of a later
    attempt is somebody's invention, and its number must never reach status.
    """
    return pod.is_genuine and pod.attempt <= task.settled_attempts + 1


def _release_copies(task: Task, pods: tuple[Pod, ...]) -> Action | None:
    # A user's copy of a Pod (`kubectl get -o yaml | kubectl create`) has our finalizer too.
    for pod in pods:
        if not _is_genuine(task, pod) and pod.is_held and pod.is_being_deleted:
            return ReleasePod(pod)
    return None


def _release_all(pods: tuple[Pod, ...]) -> Action:
    # The garbage collector deletes the Pods of a deleted task. With --cascade=orphan, it removes
    # their owner reference instead. Only the garbage collector knows which.
    for pod in pods:
        if pod.is_held and (pod.is_being_deleted or not pod.is_owned):
            return ReleasePod(pod)
    return Wait("the garbage collector deletes the Pods of a deleted task")
