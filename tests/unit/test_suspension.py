"""`spec.suspend`: the Pod goes with its grace period, nothing is counted, and false starts anew."""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.observed import RefusalKind
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import (
    a_pod,
    ago,
    ended,
    of_steps,
    running,
    runs,
    succeeded,
    terminated,
    told_to_end,
    waiting_for,
    waits,
)
from tests.unit.statuses import (
    done,
    failed_before,
    out_of_time_status,
    running_status,
    step,
    suspended_status,
    waiting_status,
)

TO_SUSPEND = a_task().with_rules(is_suspended=True)
SUSPENDED = TO_SUSPEND.with_status(suspended_status())
RESUMED = a_task().with_status(suspended_status())

TABLE = [
    # Before there is a Pod
    ("a task that is created suspended says so", TO_SUSPEND, "write Suspended, Suspended"),
    ("and gets no Pod", SUSPENDED, "wait"),
    (
        "nor does one that waits for its next attempt",
        TO_SUSPEND.with_status(failed_before()),
        "write Suspended, Suspended",
    ),
    (
        "nor one that waits for quota, which stands in no queue then",
        TO_SUSPEND.queued(),
        "write Suspended, Suspended",
    ),
    ("not even when its turn comes", SUSPENDED.queued(), "wait"),
    (
        "nor one whose Pod was refused for ever",
        TO_SUSPEND.refused(RefusalKind.INVALID),
        "write Suspended, Suspended",
    ),
    # With a Pod
    (
        "a running one says so before its Pod goes",
        TO_SUSPEND.with_status(running_status()).with_pod(running()),
        "write Suspended, Suspended",
    ),
    ("then its Pod is told to end", SUSPENDED.with_pod(running()), "delete Pod"),
    ("once", SUSPENDED.with_pod(running(**told_to_end(10))), "wait 50 s"),
    ("a Pod that has not started goes too", SUSPENDED.with_pod(a_pod()), "delete Pod"),
    (
        "also where nothing will ever start it",
        SUSPENDED.with_pod(waiting_for(Reason.SCHEDULING_GATED)),
        "delete Pod",
    ),
    (
        "one that had no node has ended with that",
        SUSPENDED.with_pod(a_pod(deletion_asked_at=ago(0))),
        "write Suspended, Suspended",
    ),
    (
        "one whose Pod somebody deletes meanwhile does too",
        TO_SUSPEND.with_status(running_status()).with_pod(running(**told_to_end(10))),
        "write Suspended, Suspended",
    ),
    (
        "an order to end for want of time is overtaken by it",
        TO_SUSPEND.with_status(out_of_time_status()).with_pod(running(**told_to_end(10))),
        "write Suspended, Suspended",
    ),
    # Its end
    (
        "what ends for it is no disruption",
        SUSPENDED.with_pod(ended(143, **told_to_end(10))),
        "write Suspended, Suspended",
    ),
    (
        "whatever its exit code",
        SUSPENDED.with_pod(succeeded(**told_to_end(10))),
        "write Suspended, Suspended",
    ),
    (
        "what succeeded before it was told to end has succeeded",
        SUSPENDED.with_pod(succeeded(**told_to_end(5))),
        "write Succeeded, Completed",
    ),
    (
        "what failed before that has failed",
        SUSPENDED.with_pod(ended(3)),
        "write Failed, ContainerFailed",
    ),
    (
        "though it may be tried again once it is resumed",
        SUSPENDED.with_rules(backoff_limit=1).with_pod(ended(3)),
        "write Suspended, BackingOff",
    ),
    (
        "an eviction stays one",
        SUSPENDED.with_pod(ended(137, disruption="EvictionByEvictionAPI")),
        "write Suspended, PodEvicted",
    ),
    # Resumed
    ("a task that is resumed says so", RESUMED, "write Pending"),
    (
        "but first its old Pod has to end",
        RESUMED.with_pod(running(**told_to_end(10))),
        "wait 50 s",
    ),
    ("even where it was not told to yet", RESUMED.with_pod(running()), "delete Pod"),
    (
        "and to be recorded",
        RESUMED.with_pod(ended(143, **told_to_end(10))),
        "write Suspended, Suspended",
    ),
]


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


def test_suspension_counts_nothing_and_is_in_the_history() -> None:
    before = suspended_status(attempts=1, failures=2, disruptions=3)
    status = written(TO_SUSPEND.with_status(before).with_pod(ended(143, **told_to_end(10))))
    assert (status.attempts, status.failures, status.disruptions) == (1, 2, 3)
    [record] = status.history
    assert (record.reason, record.exit_code) == ("Suspended", 143)
    assert record.message == "ended since the task was suspended"


def test_a_whole_suspension_step_by_step() -> None:
    status = written(TO_SUSPEND.with_status(running_status()).with_pod(running()))
    [condition] = status.conditions
    assert (condition.type, condition.status, condition.reason) == (
        "Suspended",
        "True",
        "Suspended",
    )
    suspended = TO_SUSPEND.with_status(status)
    status = written(suspended.with_pod(ended(143, **told_to_end(10))))
    assert decided(TO_SUSPEND.with_status(status)) == "wait"
    status = written(a_task().with_status(status))
    [condition] = status.conditions
    assert (condition.type, condition.status, condition.reason) == ("Suspended", "False", "Resumed")
    assert (status.phase, status.reason, status.message) == ("Pending", None, None)
    assert decided(a_task().with_status(status)) == "create attempt 2"


def test_what_has_finished_is_suspended_no_more() -> None:
    status = written(SUSPENDED.with_pod(succeeded(**told_to_end(5))))
    assert [(c.type, c.status) for c in status.conditions] == [
        ("Complete", "True"),
        ("Finished", "True"),
    ]


def test_a_task_suspended_before_its_first_pod_begins_with_the_first_attempt() -> None:
    status = written(a_task().with_status(written(TO_SUSPEND)))
    assert decided(a_task().with_status(status)) == "create attempt 1"


def test_no_pod_is_spoken_of_once_it_is_gone() -> None:
    told = written(TO_SUSPEND.with_status(running_status()).with_pod(running()))
    assert told.pod_name == running().name
    after = written(TO_SUSPEND.with_status(told).with_pod(ended(143, **told_to_end(10))))
    assert (after.pod_name, after.node_name, after.start_time) == (None, None, None)


def test_steps_that_have_ended_stay_so_and_the_one_that_ran_begins_anew() -> None:
    told = suspended_status(attempts=1, steps=(done("a"), step("b"), step("c")))
    pod = of_steps(runs("b"), waits("c"))
    seen = TO_SUSPEND.of_steps("a", "b", "c").with_status(told)
    assert decided(seen.with_pod(pod)) == "delete Pod"
    killed = of_steps(terminated("b", 143), waits("c"), **told_to_end(10))
    status = written(seen.with_pod(killed))
    assert [(s.name, s.phase) for s in status.steps] == [
        ("a", "Succeeded"),
        ("b", "Pending"),
        ("c", "Pending"),
    ]
    assert status.steps[0] == done("a")


def test_a_step_that_ends_in_order_for_it_has_not_done_its_work() -> None:
    seen = TO_SUSPEND.of_steps("a", "b").with_status(suspended_status())
    pod = of_steps(terminated("a", 0), terminated("b", 0), **told_to_end(10))
    status = written(seen.with_pod(pod))
    assert [s.phase for s in status.steps] == ["Succeeded", "Pending"]


def test_a_stale_reason_is_not_kept_through_a_suspension() -> None:
    before = waiting_status(Reason.UNSCHEDULABLE, "0/2 nodes")
    status = written(TO_SUSPEND.with_status(before).with_pod(waiting_for(Reason.UNSCHEDULABLE)))
    assert (status.reason, status.message) == ("Suspended", "spec.suspend is true")
