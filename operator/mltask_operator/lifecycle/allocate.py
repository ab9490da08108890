"""Whether a task without a Pod gets one now: pauses, refusals, and the queue for quota."""

from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.lifecycle import progress
from mltask_operator.lifecycle.actions import Action, CreatePod, Queue, Wait, WriteStatus
from mltask_operator.lifecycle.observed import Observed, Refusal, RefusalKind, Task, Waiting
from mltask_operator.lifecycle.retries import next_attempt_at

FIRST_REFUSAL_PAUSE = timedelta(seconds=1)
LONGEST_REFUSAL_PAUSE = timedelta(seconds=30)
"""Between a refused creation that may yet succeed and the next try: doubling from the first to
the longest. Where quota is released, the task whose turn it is asks at once, and its pauses begin
anew."""
TOO_LARGE_PAUSE = timedelta(minutes=10)
"""The longest for a task that asks for more than the quota holds in all: only another quota helps,
and the operator sees that at once."""

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
    RefusalKind.SERVER_FAILED: Reason.API_SERVER_FAILED,
}
"""What a refused task waits for."""
FAILURES_TO_TELL = 3
"""How often in a row the API server must have failed for that to be told: it may just restart."""


def allocate(task: Task, seen: Observed, now: datetime) -> Action:
    """Return the next action for a task that has no Pod and is to have one."""
    if next_at := next_attempt_at(task, now):
        return Wait("the next attempt is not due yet", until=next_at)
    if seen.behind is not None:
        return _queue(task, seen.behind, now + LONGEST_REFUSAL_PAUSE)
    if seen.refusal is not None:
        return _after_refusal(task, seen.refusal, now)
    return CreatePod(task, task.settled_attempts + 1)


def _after_refusal(task: Task, refusal: Refusal, now: datetime) -> Action:
    if (final := _FINAL_REFUSALS.get(refusal.kind)) is not None:
        why = Waiting(reason=final, message=refusal.message)
        return WriteStatus(task, progress.fail(task, why, now))
    next_try = refusal.at + _pause(refusal)
    if refusal.kind is RefusalKind.QUOTA and now < next_try:
        return _queue(task, refusal.message, next_try)
    is_news = refusal.kind is not RefusalKind.SERVER_FAILED or refusal.count >= FAILURES_TO_TELL
    if is_news and (told := _told(task, _PASSING_REFUSALS[refusal.kind], refusal.message)):
        return told
    if now < next_try:
        return Wait("the creation of the Pod was refused", until=next_try)
    return CreatePod(task, task.settled_attempts + 1)


def _queue(task: Task, why: str, until: datetime) -> Action:
    return _told(task, Reason.QUOTA_EXCEEDED, why) or Queue(task, until)


def _told(task: Task, reason: Reason, message: str) -> Action | None:
    # The words change with each try (a quota's count what is used); the reason is the news.
    if (task.status.phase, task.status.reason) == (Phase.PENDING, reason):
        return None
    return WriteStatus(task, progress.wait_for_pod(task, reason, message))


def _pause(refusal: Refusal) -> timedelta:
    # The first are short, also for a task too large: the API server's own view of a quota that was
    # just changed may be older than ours, and no event tells when it has caught up.
    never_fits = refusal.excess is not None and refusal.excess.never_fits
    longest = TOO_LARGE_PAUSE if never_fits else LONGEST_REFUSAL_PAUSE
    return min(FIRST_REFUSAL_PAUSE * (1 << min(refusal.count - 1, 16)), longest)
