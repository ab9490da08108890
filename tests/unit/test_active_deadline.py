"""How long an attempt may run, and how its end is told from others."""

from datetime import timedelta

import pytest

from mltask_operator.api.reasons import Reason
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import (
    ago,
    ended,
    of_steps,
    running,
    runs,
    seconds,
    succeeded,
    terminated,
    told_to_end,
    waiting_for,
)
from tests.unit.statuses import (
    out_of_time_status,
    running_status,
    waiting_status,
)

SHORT = a_task().with_rules(active_deadline=seconds(30))
"""Its Pods, which began half a minute ago, have run for long enough."""
LONG = a_task().with_rules(active_deadline=seconds(31))
OUT_OF_TIME = SHORT.with_status(out_of_time_status())

TABLE = [
    ("an attempt within its time runs on", LONG.with_status(running_status()).with_pod(running()),
     "wait 1 s"),
    (
        "and is told of while it does",
        LONG.with_pod(running()),
        "write Running",
    ),
    (
        "that it has run for too long is recorded first",
        SHORT.with_status(running_status()).with_pod(running()),
        "write Running, DeadlineExceeded",
    ),
    (
        "even if nothing was told of it yet",
        SHORT.with_pod(running()).changed(0),
        "write Running, DeadlineExceeded",
    ),
    ("then its Pod is told to end", OUT_OF_TIME.with_pod(running()), "delete Pod"),
    (
        "also where the deadline was taken back meanwhile",
        a_task().with_status(out_of_time_status()).with_pod(running()),
        "delete Pod",
    ),
    ("once", OUT_OF_TIME.with_pod(running(**told_to_end(0))), "wait 60 s"),
    (
        "what ends for it has failed for it",
        OUT_OF_TIME.with_pod(ended(143, **told_to_end(10))),
        "write Failed, DeadlineExceeded",
    ),
    (
        "whatever its exit code",
        OUT_OF_TIME.with_pod(succeeded(**told_to_end(10))),
        "write Failed, DeadlineExceeded",
    ),
    (
        "unless it ended by itself before it was told to",
        OUT_OF_TIME.with_pod(succeeded(**told_to_end(5))),
        "write Succeeded, Completed",
    ),
    (
        "or before the order was carried out at all",
        OUT_OF_TIME.with_pod(ended(3)),
        "write Failed, ContainerFailed",
    ),
    (
        "an eviction stays one, though time was up",
        OUT_OF_TIME.with_pod(ended(137, disruption="TerminationByKubelet")),
        "write Pending, PodEvicted",
    ),
    (
        "it is a failure like others",
        OUT_OF_TIME.with_rules(backoff_limit=1).with_pod(ended(143, **told_to_end(10))),
        "write Pending, BackingOff",
    ),
    (
        "somebody else's deletion is none, though time is short",
        LONG.with_status(running_status()).with_pod(ended(143, **told_to_end(10))),
        "write Pending, PodDeleted",
    ),
    (
        "time counts from the start of main, not of its Pod's others",
        SHORT.with_status(running_status(start_time=ago(10)))
        .with_pod(running(containers=(runs("main", started_at=ago(10)), runs("proxy")))),
        "wait 20 s",
    ),
    (
        "with steps it counts from the first of them",
        SHORT.of_steps("a", "b").with_pod(
            of_steps(terminated("a", 0), runs("b", started_at=ago(10)))
        ),
        "write Running, DeadlineExceeded",
    ),
    (
        "what has not started has no such deadline",
        SHORT.with_status(waiting_status(Reason.UNSCHEDULABLE)).with_pod(
            waiting_for(Reason.UNSCHEDULABLE)
        ),
        "wait",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


def test_an_attempt_that_ran_for_too_long_says_so_and_keeps_the_evidence() -> None:
    killed = terminated("main", 143, message="saved epoch 3")
    status = written(OUT_OF_TIME.with_pod(ended(143, containers=(killed,), **told_to_end(10))))
    assert status.message == "ran longer than activeDeadlineSeconds (30)"
    assert (status.exit_code, status.log_tail) == (143, "saved epoch 3")
    assert (status.failures, status.disruptions) == (1, 0)


def test_a_step_that_ends_in_order_for_it_has_not_done_its_work() -> None:
    seen = OUT_OF_TIME.of_steps("a", "b")
    pod = of_steps(terminated("a", 0), terminated("b", 0), **told_to_end(10))
    assert [(s.phase, s.reason) for s in written(seen.with_pod(pod)).steps] == [
        ("Succeeded", None),
        ("Failed", "DeadlineExceeded"),
    ]


def test_the_order_to_end_is_told_with_its_cause() -> None:
    status = written(SHORT.with_status(running_status()).with_pod(running()))
    assert status.message == "ran longer than activeDeadlineSeconds (30)"


def test_a_deadline_beyond_all_times_is_none() -> None:
    century = timedelta(seconds=2**31 - 1)
    seen = a_task().with_rules(active_deadline=century, pending_deadline=century)
    assert decided(seen.with_status(running_status()).with_pod(running())).startswith("wait ")
