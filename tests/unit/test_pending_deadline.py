"""How long a Pod may take to start, and what is said of one that did not."""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import (
    a_pod,
    ago,
    of_steps,
    running,
    runs,
    seconds,
    succeeded,
    told_to_end,
    waiting_for,
    waits,
)
from tests.unit.statuses import (
    failed_before,
    waiting_status,
)

HURRIED = a_task().with_rules(pending_deadline=seconds(30))
"""Its Pods, forty seconds old, should have started ten seconds ago."""
WORDS = "0/2 nodes are available"
UNSCHEDULABLE = waiting_for(Reason.UNSCHEDULABLE, WORDS)
GATED = waiting_for(Reason.SCHEDULING_GATED)
TABLE = [
    (
        "a Pod that has not started in time fails the task",
        HURRIED.with_pod(UNSCHEDULABLE),
        "write Failed, Unschedulable",
    ),
    (
        "a Pod of which nothing is said too",
        HURRIED.with_pod(a_pod()),
        "write Failed, PendingDeadlineExceeded",
    ),
    ("then it goes", HURRIED.that_finished(Phase.FAILED).with_pod(UNSCHEDULABLE), "delete Pod"),
    (
        "a later attempt's Pod has as long as the first",
        HURRIED.with_status(failed_before(1, 40))
        .with_pod(a_pod(attempt=2, created_at=ago(29)))
        .changed(0),
        "wait 1 s",
    ),
    (
        "until then it is waited for",
        HURRIED.with_status(waiting_status(Reason.UNSCHEDULABLE)).with_pod(
            waiting_for(Reason.UNSCHEDULABLE, created_at=ago(29))
        ),
        "wait 1 s",
    ),
    (
        "also where something is to be told later than that",
        HURRIED.with_pod(waiting_for(Reason.UNATTENDED, created_at=ago(25))).changed(25),
        "wait 5 s",
    ),
    (
        "what is to be told sooner is",
        HURRIED.with_pod(waiting_for(Reason.CONTAINER_CREATING, created_at=ago(1))).changed(1),
        "wait 4 s",
    ),
    (
        "without a deadline it may take its time",
        a_task()
        .with_status(waiting_status(Reason.UNSCHEDULABLE))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE, created_at=ago(10**6))),
        "wait",
    ),
    ("one that runs has started", HURRIED.with_pod(running()), "write Running"),
    (
        "so has one whose first step runs, though its phase is Pending",
        HURRIED.of_steps("a", "b").with_pod(of_steps(runs("a"), waits("b"))),
        "write Running",
    ),
    (
        "but not one of which only a sidecar runs",
        HURRIED.with_pod(
            waiting_for(Reason.CONTAINER_CREATING, containers=(waits("main"), runs("proxy")))
        ),
        "write Failed, ContainerCreating",
    ),
    (
        "nor one whose own init container runs",
        HURRIED.with_pod(
            waiting_for(
                Reason.INITIALIZING, init_containers=(runs("fetch"),), containers=(waits("main"),)
            )
        ),
        "write Failed, Initializing",
    ),
    (
        "a Pod that has succeeded meanwhile has",
        HURRIED.with_pod(succeeded()),
        "write Succeeded, Completed",
    ),
    (
        "one that somebody deletes meanwhile is left to the kubelet",
        HURRIED.with_pod(waiting_for(Reason.CONTAINER_CREATING, **told_to_end(0))),
        "wait 60 s",
    ),
    # Behind a gate
    (
        "time behind a gate does not count",
        HURRIED.with_status(waiting_status(Reason.SCHEDULING_GATED)).with_pod(GATED),
        "wait",
    ),
    (
        "when the gate is lifted that is recorded at once",
        HURRIED.with_status(waiting_status(Reason.SCHEDULING_GATED)).with_pod(UNSCHEDULABLE),
        "write Pending, Unschedulable",
    ),
    (
        "and the time counts from there",
        HURRIED.with_status(
            waiting_status(Reason.UNSCHEDULABLE, WORDS, pending_since=ago(20))
        ).with_pod(UNSCHEDULABLE),
        "wait 10 s",
    ),
    (
        "to its end",
        HURRIED.with_status(waiting_status(Reason.UNSCHEDULABLE, pending_since=ago(30))).with_pod(
            UNSCHEDULABLE
        ),
        "write Failed, Unschedulable",
    ),
    (
        "a Pod that has started by then has started in time",
        HURRIED.with_status(waiting_status(Reason.SCHEDULING_GATED)).with_pod(running()),
        "write Running",
    ),
    (
        "the gate of an earlier attempt's Pod is no matter",
        HURRIED.with_status(waiting_status(Reason.SCHEDULING_GATED, pod_name="another")).with_pod(
            UNSCHEDULABLE
        ),
        "write Failed, Unschedulable",
    ),
]


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


def test_a_task_that_could_not_start_says_why_and_keeps_the_schedulers_words() -> None:
    status = written(HURRIED.with_pod(UNSCHEDULABLE))
    assert status.message == (
        "not running within pendingDeadlineSeconds (30): 0/2 nodes are available"
    )
    assert (status.attempts, status.pod_name) == (1, UNSCHEDULABLE.name)
    assert [c.type for c in status.conditions] == ["Failed", "Finished"]


def test_where_nothing_is_known_only_the_deadline_is_told() -> None:
    status = written(HURRIED.with_pod(a_pod()))
    assert status.message == "not running within pendingDeadlineSeconds (30)"


def test_steps_that_never_started_are_skipped() -> None:
    seen = HURRIED.of_steps("a", "b").with_pod(UNSCHEDULABLE)
    assert [(s.name, s.phase) for s in written(seen).steps] == [("a", "Skipped"), ("b", "Skipped")]


def test_the_moment_at_which_a_gate_is_lifted_is_recorded() -> None:
    gated = HURRIED.with_status(waiting_status(Reason.SCHEDULING_GATED))
    lifted = written(gated.with_pod(UNSCHEDULABLE))
    assert lifted.pending_since is not None
    later = HURRIED.with_status(lifted).with_pod(UNSCHEDULABLE)
    assert decided(later, seconds_later=29) == "wait 1 s"
    assert decided(later, seconds_later=30) == "write Failed, Unschedulable"


def test_a_new_wait_of_the_same_pod_keeps_that_moment() -> None:
    told = waiting_status(Reason.UNSCHEDULABLE, pending_since=ago(5))
    seen = HURRIED.with_status(told).with_pod(waiting_for(Reason.IMAGE_PULL_BACK_OFF, "no such"))
    status = written(seen)
    assert (status.reason, status.pending_since) == ("ImagePullBackOff", ago(5))
