"""What is said of a task while nothing is to be done: that it runs, or what it waits for."""

from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle import orders, progress, steps
from mltask_operator.lifecycle.actions import Action, Wait, WriteStatus
from mltask_operator.lifecycle.deadlines import was_gated
from mltask_operator.lifecycle.disruption import UNCONFIRMED_AFTER
from mltask_operator.lifecycle.observed import Observed, Pod, Task, Waiting
from mltask_operator.lifecycle.spans import in_seconds

REPORT_DELAY = timedelta(seconds=1)
"""How long a state that is not final must stand before it is written, so that a task that ends
within a second goes from Pending to its outcome in one write."""
USUAL_DELAY = timedelta(seconds=5)
"""The same for what every Pod goes through on its way, which is worth a write only if it lasts."""
CROWDED_DELAY = timedelta(seconds=5)
"""The same while other tasks wait their turn: their Pods, and the ends of Pods, come first."""
SILENCE_DELAY = timedelta(seconds=30)
"""The same for a Pod of which nobody has said anything, since a busy scheduler may take long."""
STEPS_DELAY = timedelta(seconds=5)
WORDS_DELAY = timedelta(seconds=60)
"""The same since the last write, where only a step's progress or a message has changed."""
CONFIRMATION_DELAY = timedelta(seconds=30)
"""How long after its grace period a Pod may take to end until its node's silence is told."""

_IN_PASSING = (Reason.CONTAINER_CREATING, Reason.INITIALIZING)


def report(task: Task, pod: Pod, seen: Observed, now: datetime) -> Action:
    """Return the write that tells of the Pod's state, or a wait where it is told or too new."""
    if steps.has_started(task, pod):
        status = progress.run(task, pod, _trouble(pod))
        why, delay = "the Pod runs", REPORT_DELAY
    elif was_gated(task, pod):
        return WriteStatus(task, progress.wait_for_start(task, pod, pod.waiting, in_seconds(now)))
    else:
        status = progress.wait_for_start(task, pod, pod.waiting, task.status.pending_since)
        why, delay = "the Pod starts", _delay(pod.waiting)
        if task.status.reason is None and pod.waiting is None:
            return Wait(why)
    if status == task.status:
        return Wait(why)
    if seen.is_crowded:
        delay = max(delay, CROWDED_DELAY)
    report_at = (seen.changed_at or now) + delay
    if seen.reported_at is not None:
        report_at = max(report_at, seen.reported_at + _period(task.status, status))
    if now < report_at:
        return Wait("the state may change at once", until=report_at)
    return WriteStatus(task, status)


def _delay(waiting: Waiting | None) -> timedelta:
    if waiting is None or waiting.reason in _IN_PASSING:
        return USUAL_DELAY
    return SILENCE_DELAY if waiting.reason is Reason.UNATTENDED else REPORT_DELAY


def report_silence(task: Task, pod: Pod, asked_at: datetime, now: datetime) -> Action:
    """Return what to do while a Pod that was told to end has not: tell of it, if it takes long.

    `asked_at` is when its deletion was asked for.
    """
    overdue_at = asked_at + pod.deletion_grace + CONFIRMATION_DELAY
    if now < overdue_at:
        return Wait("the kubelet ends the Pod", until=overdue_at)
    message = (
        f"Pod {pod.name} was told to end and its node {pod.node_name} does not confirm that it has."
        " Once you know that the machine is off, delete the Node object"
    )
    if pod.deletion_grace or pod.is_deleted_by_force:
        message += ", or delete the Pod with --force"
    # What the operator ended itself keeps its reason, by which its end is known.
    reason = Reason.DEADLINE_EXCEEDED if orders.is_out_of_time(task) else Reason.NODE_UNREACHABLE
    status = progress.still(task, pod, reason, message)
    if status == task.status:
        given_up_at = asked_at + UNCONFIRMED_AFTER
        until = given_up_at if pod.is_deleted_by_force else None
        return Wait("the node does not confirm the Pod's end", until=until)
    return WriteStatus(task, status)


def _trouble(pod: Pod) -> Waiting | None:
    """Return what a running Pod waits for besides, as far as it is worth a word."""
    if pod.waiting is None or pod.waiting.reason in _IN_PASSING:
        return None
    return pod.waiting


def _period(old: MLTaskStatus, new: MLTaskStatus) -> timedelta:
    if (old.phase, old.reason, old.pod_name) != (new.phase, new.reason, new.pod_name):
        return timedelta(0)
    if [step.phase for step in old.steps] != [step.phase for step in new.steps]:
        return STEPS_DELAY
    return WORDS_DELAY
