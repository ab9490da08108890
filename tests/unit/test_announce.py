"""Which writes of a status are told in an Event, and in what words."""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.announce import NoticeReason, announce
from mltask_operator.lifecycle.observed import RefusalKind
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.notices import EVICTED, HUNGRY, IGNORED, KILLED, MI, RETRIED, RUNNING, policy, told
from tests.unit.pods import (
    ended,
    of_steps,
    running,
    seconds,
    succeeded,
    terminated,
    told_to_end,
    waiting_for,
    waits,
)
from tests.unit.statuses import (
    disrupted_before,
    failed_before,
    out_of_time_status,
    running_status,
    suspended_status,
    waiting_status,
)

SHORT = a_task().with_rules(active_deadline=seconds(30))
OUT_OF_TIME = SHORT.with_status(out_of_time_status())
CONTINUED = a_task().of_steps("a", "b", goes_on_after_failed_step=True)
DISRUPTION = {"onPodConditions": [{"type": "DisruptionTarget"}]}
COUNTED = RETRIED.with_rules(failure_policy=policy({"action": "Count", **DISRUPTION}))

TOLD = [
    (
        "a failure that is retried",
        RETRIED.with_pod(ended(3)),
        "Retrying 1: attempt 1 failed (ContainerFailed): container main ended with exit code 3; "
        "retry 1 of 2 follows in 10 s",
    ),
    (
        "and the last one that is",
        RETRIED.with_status(failed_before(1)).with_pod(ended(3, attempt=2)),
        "Retrying 2: attempt 2 failed (ContainerFailed): container main ended with exit code 3; "
        "retry 2 of 2 follows in 20 s",
    ),
    (
        "disruptions are no retries",
        RETRIED.with_status(disrupted_before(4)).with_pod(ended(3, attempt=5)),
        "Retrying 5: attempt 5 failed (ContainerFailed): container main ended with exit code 3; "
        "retry 1 of 2 follows in 10 s",
    ),
    (
        "one of a task that is suspended meanwhile",
        RETRIED.with_status(suspended_status()).with_rules(is_suspended=True).with_pod(ended(3)),
        "Retrying 1: attempt 1 failed (ContainerFailed): container main ended with exit code 3; "
        "retry 1 of 2 follows once the task is resumed",
    ),
    (
        "a failure that a rule ignores",
        IGNORED.with_pod(ended(3)),
        "Retrying 1: attempt 1 failed (ContainerFailed): container main ended with exit code 3; "
        "rule 0 of podFailurePolicy says Ignore; it does not count, and the next one follows",
    ),
    (
        "a disruption",
        RUNNING.with_pod(EVICTED),
        "Disrupted 1: attempt 1 was disrupted (PodEvicted): Pod train-0b5f1c2e-1: "
        "EvictionByEvictionAPI; it does not count, and the next one follows",
    ),
    (
        "also the fifth",
        a_task().with_status(disrupted_before(4)).with_pod(ended(1, 5, **told_to_end(12))),
        "Disrupted 5: attempt 5 was disrupted (PodDeleted): Pod train-0b5f1c2e-5: deleted before "
        "it had ended; it does not count, and the next one follows",
    ),
    (
        "one that a rule counts is a failure",
        COUNTED.with_pod(EVICTED),
        "Retrying 1: attempt 1 failed (PodEvicted): Pod train-0b5f1c2e-1: EvictionByEvictionAPI; "
        "retry 1 of 2 follows in 10 s",
    ),
    (
        "more memory, from what to what",
        HUNGRY.with_pod(KILLED),
        "MemoryIncreased 1: attempt 1 ran out of memory: it asked for 40Mi, the next one asks for "
        "80Mi",
    ),
    (
        "and more again",
        HUNGRY.asking_for(80 * MI).with_pod(KILLED),
        "MemoryIncreased 1: attempt 1 ran out of memory: it asked for 80Mi, the next one asks for "
        "100Mi",
    ),
    (
        "a quota without room",
        a_task().refused(RefusalKind.QUOTA),
        "QuotaExceeded 1: attempt 1: no",
    ),
    (
        "others that come first",
        a_task().with_status(disrupted_before(2)).queued(),
        "QuotaExceeded 3: attempt 3: waits for quota compute after another",
    ),
    (
        "a deadline that has passed",
        SHORT.with_status(running_status()).with_pod(running()),
        "DeadlineExceeded 1: attempt 1 ran longer than activeDeadlineSeconds (30), and is told to "
        "end",
    ),
    (
        "a failure for good",
        a_task().with_pod(ended(3)),
        "Failed 1: ContainerFailed: container main ended with exit code 3",
    ),
    (
        "the last one of several",
        RETRIED.with_status(failed_before(2)).with_pod(ended(3, attempt=3)),
        "Failed 3: ContainerFailed: container main ended with exit code 3; backoffLimit 2 is "
        "reached",
    ),
    (
        "the end of an attempt that was out of time",
        OUT_OF_TIME.with_pod(ended(137, **told_to_end(12))),
        "Failed 1: DeadlineExceeded: ran longer than activeDeadlineSeconds (30)",
    ),
    (
        "a Pod that was refused for ever",
        a_task().refused(RefusalKind.INVALID),
        "Failed 0: InvalidTemplate: no",
    ),
    (
        "a start that took too long",
        a_task()
        .with_rules(pending_deadline=seconds(30))
        .with_pod(waiting_for(Reason.IMAGE_PULL_BACK_OFF, "no such image")),
        "Failed 1: ImagePullBackOff: not running within pendingDeadlineSeconds (30): no such image",
    ),
]

NOT_TOLD = [
    ("success", a_task().with_pod(succeeded())),
    ("that it runs", a_task().with_pod(running())),
    ("what a Pod waits for", a_task().with_pod(waiting_for(Reason.UNSCHEDULABLE, "no node"))),
    ("that no Pod can be made", a_task().refused(RefusalKind.NAME_TAKEN)),
    ("that it is suspended", a_task().with_rules(is_suspended=True)),
    ("nor resumed", a_task().with_status(suspended_status())),
    (
        "the end of an attempt that was suspended",
        a_task()
        .with_rules(is_suspended=True)
        .with_status(suspended_status())
        .with_pod(ended(143, **told_to_end(12))),
    ),
    (
        "that the steps after a failed one go on",
        CONTINUED.with_pod(of_steps(terminated("a", 1), waits("b"))),
    ),
    (
        "that the next attempt's Pod is slow",
        a_task()
        .with_status(failed_before(1).model_copy(update={"reason": "BackingOff"}))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE, "no node", attempt=2)),
    ),
]


@pytest.mark.parametrize(("seen", "words"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_what_is_told(seen: TaskBuilder, words: str) -> None:
    notice = told(seen)
    assert notice is not None
    assert f"{notice.reason} {notice.attempt}: {notice.message}" == words


@pytest.mark.parametrize("seen", [row[1] for row in NOT_TOLD], ids=[row[0] for row in NOT_TOLD])
def test_what_is_not(seen: TaskBuilder) -> None:
    assert told(seen) is None


def test_the_table_has_every_reason() -> None:
    assert {words.split()[0] for _, _, words in TOLD} == {reason.value for reason in NoticeReason}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            waiting_status(Reason.QUOTA_EXCEEDED, "used: pods=1"),
            waiting_status(Reason.QUOTA_EXCEEDED, "used: pods=2"),
        ),
        (out_of_time_status(), running_status(reason="DeadlineExceeded", message="it is silent")),
    ],
    ids=["quota", "deadline"],
)
def test_other_words_for_the_same_are_no_news(before: MLTaskStatus, after: MLTaskStatus) -> None:
    assert announce(a_task().with_status(before).task, after) is None
