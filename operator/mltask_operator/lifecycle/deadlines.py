"""How long an attempt may wait for its start, and how long it may run."""

from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle import steps
from mltask_operator.lifecycle.observed import Pod, Task, Waiting
from mltask_operator.lifecycle.spans import whole_seconds


def pending_deadline(task: Task, pod: Pod) -> datetime | None:
    """Return until when the Pod must have started, or None where it may take its time."""
    if task.rules.pending_deadline is None or steps.has_started(task, pod):
        return None
    if is_gated(pod) or was_gated(task, pod):
        return None
    return (task.status.pending_since or pod.created_at) + task.rules.pending_deadline


def active_deadline(task: Task, pod: Pod) -> datetime | None:
    """Return until when the Pod may run, or None where it may run on or has not started."""
    started_at = steps.started_at(task, pod)
    if task.rules.active_deadline is None or started_at is None:
        return None
    return started_at + task.rules.active_deadline


def is_gated(pod: Pod) -> bool:
    """Whether the Pod waits behind scheduling gates."""
    return pod.waiting is not None and pod.waiting.reason is Reason.SCHEDULING_GATED


def was_gated(task: Task, pod: Pod) -> bool:
    """Whether status still says that the Pod waits behind gates, and it does not any more.

    Nothing in the Pod tells since when: its condition only says for how long it has had no node.
    """
    status = task.status
    return (
        status.reason == Reason.SCHEDULING_GATED
        and status.pod_name == pod.name
        and not is_gated(pod)
    )


def too_long_pending(task: Task, pod: Pod) -> Waiting:
    """Return why the task has failed whose Pod did not start in time: what the Pod waits for."""
    waiting = pod.waiting or Waiting(reason=Reason.PENDING_DEADLINE_EXCEEDED)
    message = "not running within pendingDeadlineSeconds" + _in_brackets(
        task.rules.pending_deadline
    )
    if waiting.message:
        message += f": {waiting.message}"
    return Waiting(reason=waiting.reason, message=message)


def too_long_active(task: Task) -> str:
    """Return what to say of an attempt that ran for too long."""
    return "ran longer than activeDeadlineSeconds" + _in_brackets(task.rules.active_deadline)


def _in_brackets(limit: timedelta | None) -> str:
    # A deadline may be taken back while the Pod ends.
    return f" ({whole_seconds(limit)})" if limit is not None else ""
