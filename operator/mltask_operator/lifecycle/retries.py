"""When a task whose last attempt has ended may have its next one."""

import itertools
from collections.abc import Container
from datetime import datetime, timedelta

from mltask_operator.api.failures import LONGEST_BACKOFF_SECONDS
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import AttemptRecord
from mltask_operator.lifecycle.observed import Task
from mltask_operator.lifecycle.rules import Rules

DISRUPTION_PAUSE = timedelta(seconds=1)
"""After an attempt without a backoff of its own: a disruption, for example. The pause doubles while
attempts are brief. Otherwise, a cause that ends each Pod at its start costs a Pod per second."""
LONGEST_DISRUPTION_PAUSE = timedelta(minutes=5)
"""The bound of the kubelet's CrashLoopBackOff, for the same purpose:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy"""
REJECTION_PAUSE = timedelta(seconds=10)
"""The shortest pause after a rejection: a kubelet that rejects a Pod most likely rejects the next
one too, and does so within a second."""
BRIEF = timedelta(minutes=1)
"""An attempt is brief if its containers ran for less than this."""

_DISRUPTIONS = frozenset(
    {
        Reason.NODE_LOST,
        Reason.POD_DELETED,
        Reason.POD_EVICTED,
        Reason.POD_PREEMPTED,
        Reason.POD_REJECTED,
    }
)
_MOST_DOUBLINGS = LONGEST_BACKOFF_SECONDS.bit_length()
"""A second that is doubled so often is longer than any backoff."""


def next_attempt_at(task: Task, now: datetime) -> datetime | None:
    """Return the time before which no further attempt may start, or None if it may start now."""
    if not task.status.history:
        return None
    status = task.status
    pause = pause_after(task.rules, status.reason, status.failures, status.history)
    moment = status.history[-1].completion_time + pause
    # The clock of the writer may have been ahead. That must not make the pause longer.
    return moment if now < moment <= now + pause else None


def pause_after(
    rules: Rules, reason: str | None, failures: int, history: tuple[AttemptRecord, ...]
) -> timedelta:
    """Return the pause between the end of the last attempt in `history` and the next attempt.

    `reason` and `failures` are those of the status after that end.
    """
    if reason == Reason.BACKING_OFF:
        return backoff(rules, failures)
    if reason == Reason.STEP_FAILED:
        return timedelta(0)
    last = history[-1].reason
    if last in _DISRUPTIONS:
        brief = _brief_in_a_row(history, _DISRUPTIONS)
    else:
        # maxMemory bounds the attempts that ask for more memory. Nothing bounds the ignored ones.
        brief = _brief_in_a_row(history, {last}) if reason == Reason.ATTEMPT_IGNORED else 0
    pause = DISRUPTION_PAUSE * (1 << max(brief - 1, 0))
    if last == Reason.POD_REJECTED:
        pause = max(pause, REJECTION_PAUSE)
    return min(pause, LONGEST_DISRUPTION_PAUSE)


def backoff(rules: Rules, failures: int) -> timedelta:
    """Return the wait after this many failures: doubled with each of them, up to the longest."""
    doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
    return min(rules.backoff_base * (1 << doublings), rules.backoff_max)


def _brief_in_a_row(history: tuple[AttemptRecord, ...], reasons: Container[str]) -> int:
    """Return how many of the last attempts were brief and ended for one of these reasons.

    The history holds ten attempts, enough for the longest pause.
    """
    brief = itertools.takewhile(lambda r: r.reason in reasons and _is_brief(r), reversed(history))
    return sum(1 for _ in brief)


def _is_brief(attempt: AttemptRecord) -> bool:
    started_at = attempt.start_time
    return started_at is None or attempt.completion_time - started_at < BRIEF
