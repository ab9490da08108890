"""Which news of a task is worth a Kubernetes Event: only what somebody may have to know of.

A pure function of the status before and the one after: what it returns for a write of the status
is the same whoever wrote it, and so is the name of the Event that is made of it.
"""

from dataclasses import dataclass
from enum import StrEnum

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import AttemptRecord, MLTaskStatus, Phase
from mltask_operator.lifecycle import orders, retries
from mltask_operator.lifecycle.observed import Task
from mltask_operator.lifecycle.spans import whole_seconds


class NoticeReason(StrEnum):
    """The reason of an Event."""

    RETRYING = "Retrying"
    DISRUPTED = "Disrupted"
    QUOTA_EXCEEDED = "QuotaExceeded"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    MEMORY_INCREASED = "MemoryIncreased"
    FAILED = "Failed"

    @property
    def is_warning(self) -> bool:
        """Whether Kubernetes would call it a Warning: something did not go as it was to go."""
        return self is not NoticeReason.MEMORY_INCREASED


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told, and of which attempt; of one attempt each reason is told once."""

    reason: NoticeReason
    attempt: int
    message: str


def announce(task: Task, status: MLTaskStatus) -> Notice | None:
    """Return what to tell once this status has taken the place of the task's: None of most."""
    if status.phase is Phase.FAILED:
        return Notice(NoticeReason.FAILED, status.attempts, f"{status.reason}: {status.message}")
    if status.history and status.history[-1].attempt > task.settled_attempts:
        return _end_of_attempt(task, status, status.history[-1])
    if status.reason == Reason.QUOTA_EXCEEDED and task.status.reason != Reason.QUOTA_EXCEEDED:
        waiting = task.settled_attempts + 1
        return Notice(NoticeReason.QUOTA_EXCEEDED, waiting, f"attempt {waiting}: {status.message}")
    if _is_out_of_time(status) and not orders.is_out_of_time(task):
        message = f"attempt {status.attempts} {status.message}, and is told to end"
        return Notice(NoticeReason.DEADLINE_EXCEEDED, status.attempts, message)
    return None


def _is_out_of_time(status: MLTaskStatus) -> bool:
    return status.phase is Phase.RUNNING and status.reason == Reason.DEADLINE_EXCEEDED


def _end_of_attempt(task: Task, status: MLTaskStatus, last: AttemptRecord) -> Notice | None:
    if status.disruptions > task.status.disruptions:
        what = f"was disrupted ({last.reason}): {last.message}; {_the_next_one(status)}"
        reason = NoticeReason.DISRUPTED
    elif status.reason == Reason.BACKING_OFF:
        what = f"failed ({last.reason}): {last.message}; {_retry(task, status)}"
        reason = NoticeReason.RETRYING
    elif status.reason == Reason.ATTEMPT_IGNORED:
        what = f"failed ({last.reason}): {status.message}; {_the_next_one(status)}"
        reason = NoticeReason.RETRYING
    elif status.reason == Reason.MEMORY_INCREASED:
        grown = status.allocation.requests.get("memory") if status.allocation else None
        what = f"ran out of memory: it asked for {last.memory}, the next one asks for {grown}"
        reason = NoticeReason.MEMORY_INCREASED
    else:
        return None
    return Notice(reason, last.attempt, f"attempt {last.attempt} {what}")


def _retry(task: Task, status: MLTaskStatus) -> str:
    count = f"retry {status.failures} of {task.rules.backoff_limit}"
    if status.phase is Phase.SUSPENDED:
        return f"{count} follows once the task is resumed"
    pause = retries.backoff(task.rules, status.failures)
    return f"{count} follows in {whole_seconds(pause)} s"


def _the_next_one(status: MLTaskStatus) -> str:
    resumed = " once the task is resumed" if status.phase is Phase.SUSPENDED else ""
    return f"it does not count, and the next one follows{resumed}"
