"""When a task whose last attempt has ended may have its next one."""

from datetime import datetime, timedelta

from mltask_operator.api.failures import LONGEST_BACKOFF_SECONDS
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.observed import Task
from mltask_operator.lifecycle.rules import Rules

DISRUPTION_PAUSE = timedelta(seconds=1)
REJECTION_PAUSE = timedelta(seconds=10)
"""After a disruption: no backoff, only what keeps a loop from running hot. A kubelet that rejects
a Pod most likely rejects the next one too, and does so within a second."""

_MOST_DOUBLINGS = LONGEST_BACKOFF_SECONDS.bit_length()
"""A second that is doubled so often is longer than any backoff."""


def next_attempt_at(task: Task, now: datetime) -> datetime | None:
    """Return the moment before which no further attempt may begin, or None where that has come."""
    if not task.status.history:
        return None
    pause = _pause(task.rules, task.status)
    moment = task.status.history[-1].completion_time + pause
    # The clock of whoever wrote that may have been ahead; the pause is never longer for that.
    return moment if now < moment <= now + pause else None


def backoff(rules: Rules, failures: int) -> timedelta:
    """Return the wait after this many failures: doubled with each of them, up to the longest."""
    doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(rules.backoff_base * (1 << doublings), rules.backoff_max)


def _pause(rules: Rules, status: MLTaskStatus) -> timedelta:
    if status.reason == Reason.BACKING_OFF:
        return backoff(rules, status.failures)
    if status.reason == Reason.STEP_FAILED:
        return timedelta(0)
    if status.history[-1].reason == Reason.POD_REJECTED:
        return REJECTION_PAUSE
    return DISRUPTION_PAUSE
