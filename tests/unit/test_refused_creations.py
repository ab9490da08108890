"""A Pod that the API server refuses: what fails the task, what is tried again, what queues."""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.observed import RefusalKind
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.statuses import disrupted_before, done, failed_before, status, step

TOLD = a_task().with_status(status(reason="QuotaExceeded", message="no"))
TAKEN = a_task().with_status(status(reason="PodNameTaken", message="no"))

TABLE = [
    # For good
    ("an invalid Pod fails the task", a_task().refused(RefusalKind.INVALID),
     "write Failed, InvalidTemplate"),
    ("so does one that admission forbids", a_task().refused(RefusalKind.FORBIDDEN),
     "write Failed, PodForbidden"),
    (
        "whatever attempts are left",
        a_task().with_rules(backoff_limit=9).refused(RefusalKind.INVALID),
        "write Failed, InvalidTemplate",
    ),
    # For want of quota
    ("waiting for quota is told", a_task().refused(RefusalKind.QUOTA),
     "write Pending, QuotaExceeded"),
    ("and then queued for", TOLD.refused(RefusalKind.QUOTA), "queue 1 s"),
    ("and then tried again", TOLD.refused(RefusalKind.QUOTA, seconds_ago=1), "create attempt 1"),
    ("less often each time", TOLD.refused(RefusalKind.QUOTA, 1, count=3), "queue 3 s"),
    ("down to twice a minute", TOLD.refused(RefusalKind.QUOTA, 0, count=6), "queue 30 s"),
    ("however often it was refused", TOLD.refused(RefusalKind.QUOTA, 0, count=10**9),
     "queue 30 s"),
    ("soon where the quota was just made larger", TOLD.refused(RefusalKind.QUOTA).that_never_fits(),
     "queue 1 s"),
    ("seldom where it can never fit",
     TOLD.refused(RefusalKind.QUOTA, count=10**9).that_never_fits(), "queue 600 s"),
    (
        "other words of the quota are no news",
        a_task()
        .with_status(status(reason="QuotaExceeded", message="other words"))
        .refused(RefusalKind.QUOTA),
        "queue 1 s",
    ),
    # Behind others
    ("a task behind others is told so", a_task().queued(), "write Pending, QuotaExceeded"),
    ("and asks for nothing", TOLD.queued(), "queue 30 s"),
    ("not even after its own pause", TOLD.refused(RefusalKind.QUOTA, 10**6).queued(),
     "queue 30 s"),
    (
        "who is not due yet stands in no queue",
        a_task().with_status(failed_before(1, 4)).queued(),
        "wait 6 s",
    ),
    ("a later attempt queues like the first", a_task().with_status(disrupted_before()).queued(),
     "write Pending, QuotaExceeded"),
    # For other reasons that may pass
    ("another's Pod of that name is told of", a_task().refused(RefusalKind.NAME_TAKEN),
     "write Pending, PodNameTaken"),
    ("and waited for", TAKEN.refused(RefusalKind.NAME_TAKEN), "wait 1 s"),
    ("less often each time", TAKEN.refused(RefusalKind.NAME_TAKEN, count=2), "wait 2 s"),
    ("and tried again", TAKEN.refused(RefusalKind.NAME_TAKEN, 1), "create attempt 1"),
    ("that another reason has come is news", TAKEN.refused(RefusalKind.NOT_PERMITTED),
     "write Pending, OperatorForbidden"),
    ("an API server that fails may just restart",
     a_task().refused(RefusalKind.SERVER_FAILED, count=2), "wait 2 s"),
    ("and is told of where it goes on failing",
     a_task().refused(RefusalKind.SERVER_FAILED, count=3), "write Pending, ApiServerFailed"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


@pytest.mark.parametrize(
    ("kind", "phase", "reason"),
    [
        (RefusalKind.INVALID, "Failed", Reason.INVALID_TEMPLATE),
        (RefusalKind.FORBIDDEN, "Failed", Reason.POD_FORBIDDEN),
        (RefusalKind.QUOTA, "Pending", Reason.QUOTA_EXCEEDED),
        (RefusalKind.NAME_TAKEN, "Pending", Reason.POD_NAME_TAKEN),
        (RefusalKind.NOT_PERMITTED, "Pending", Reason.OPERATOR_FORBIDDEN),
        (RefusalKind.NO_SERVICE_ACCOUNT, "Pending", Reason.SERVICE_ACCOUNT_NOT_FOUND),
        (RefusalKind.NAMESPACE_TERMINATING, "Pending", Reason.NAMESPACE_TERMINATING),
    ],
)
def test_every_refusal_is_told(kind: RefusalKind, phase: str, reason: Reason) -> None:
    told = written(a_task().refused(kind))
    assert (told.phase, told.reason, told.message) == (phase, reason, "no")


def test_who_comes_before_is_told() -> None:
    assert written(a_task().queued()).message == "waits for quota compute after another"


def test_a_refused_retry_keeps_what_came_before() -> None:
    before = failed_before(2, 60)
    told = written(
        a_task().with_rules(backoff_limit=9).with_status(before).refused(RefusalKind.QUOTA)
    )
    assert (told.failures, told.attempts, told.history) == (2, 2, before.history)


def test_the_steps_left_of_a_task_that_is_refused_are_skipped() -> None:
    before = disrupted_before().model_copy(update={"steps": (done("a"), step("b"))})
    seen = a_task().of_steps("a", "b").with_status(before)
    told = written(seen.refused(RefusalKind.INVALID))
    assert [s.phase for s in told.steps] == ["Succeeded", "Skipped"]
