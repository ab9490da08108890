"""Pods that were told to end and whose nodes say nothing: what is told, and when one is given up.

A node that is cut off may go on running what nobody sees, so no second attempt begins until its
Pod is known to be dead: the node says so, or a person does, by deleting the Pod by force.
"""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import a_pod, ended, running, succeeded, told_to_end, waiting_for
from tests.unit.statuses import (
    disrupted_before,
    out_of_time_status,
    running_status,
    suspended_status,
)

RUNNING = a_task().with_status(running_status())
SUSPENDED = a_task().with_rules(is_suspended=True).with_status(suspended_status())
OUT_OF_TIME = a_task().with_status(out_of_time_status())


def told(seen: TaskBuilder) -> TaskBuilder:
    """Return the same task once the silence of its Pod's node has been told."""
    silent = seen.with_pod(running(**told_to_end(60)))
    return seen.with_status(written(silent))


NO_GRACE = {**told_to_end(10**6, grace_seconds=0), "is_deleted_by_force": False}

TABLE = [
    ("a Pod has its grace period to end", RUNNING.with_pod(running(**told_to_end(29))),
     "wait 31 s"),
    ("and half a minute more", RUNNING.with_pod(running(**told_to_end(59))), "wait 1 s"),
    (
        "then the silence of its node is told",
        RUNNING.with_pod(running(**told_to_end(60))),
        "write Running, NodeUnreachable",
    ),
    ("once", told(RUNNING).with_pod(running(**told_to_end(10**6))), "wait"),
    (
        "a long grace period is waited for",
        RUNNING.with_pod(running(**told_to_end(3600, grace_seconds=3600))),
        "wait 30 s",
    ),
    (
        "a Pod that never started is told of too",
        a_task().with_pod(waiting_for(Reason.CONTAINER_CREATING, **told_to_end(60))),
        "write Pending, NodeUnreachable",
    ),
    (
        "a suspended task's too",
        SUSPENDED.with_pod(running(**told_to_end(60))),
        "write Suspended, NodeUnreachable",
    ),
    ("once", told(SUSPENDED).with_pod(running(**told_to_end(10**6))), "wait"),
    (
        "of what ran for too long that stays the reason",
        OUT_OF_TIME.with_pod(running(**told_to_end(60))),
        "write Running, DeadlineExceeded",
    ),
    ("once", told(OUT_OF_TIME).with_pod(running(**told_to_end(10**6))), "wait"),
    # The node speaks again
    (
        "a node that comes back tells how the Pod ended",
        told(RUNNING).with_pod(ended(143, **told_to_end(3600))),
        "write Pending, PodDeleted",
    ),
    (
        "so it is with what ran for too long",
        told(OUT_OF_TIME).with_pod(ended(143, **told_to_end(3600))),
        "write Failed, DeadlineExceeded",
    ),
    (
        "and with what was suspended",
        told(SUSPENDED).with_pod(ended(143, **told_to_end(3600))),
        "write Suspended, Suspended",
    ),
    (
        "Kubernetes ends the Pod of a node that was deleted",
        told(RUNNING).with_pod(
            ended(137, **told_to_end(3600), disruption="DeletionByPodGC")
        ),
        "write Pending, NodeLost",
    ),
    # By force
    (
        "a node has a minute to confirm a deletion by force",
        RUNNING.with_pod(running(**told_to_end(20, grace_seconds=0))),
        "wait 10 s",
    ),
    (
        "its silence is told meanwhile",
        RUNNING.with_pod(running(**told_to_end(59, grace_seconds=0))),
        "write Running, NodeUnreachable",
    ),
    (
        "and the minute waited for",
        told(RUNNING).with_pod(running(**told_to_end(59, grace_seconds=0))),
        "wait 1 s",
    ),
    (
        "then the node is taken for lost",
        told(RUNNING).with_pod(running(**told_to_end(60, grace_seconds=0))),
        "write Pending, NodeLost",
    ),
    (
        "unless it confirms",
        told(RUNNING).with_pod(succeeded(**told_to_end(5, grace_seconds=0))),
        "write Succeeded, Completed",
    ),
    (
        "a suspended task goes on being so",
        told(SUSPENDED).with_pod(running(**told_to_end(60, grace_seconds=0))),
        "write Suspended, Suspended",
    ),
    (
        "what ran for too long has failed for it",
        told(OUT_OF_TIME).with_pod(running(**told_to_end(60, grace_seconds=0))),
        "write Failed, DeadlineExceeded",
    ),
    (
        "a Pod with a grace period is never given up",
        told(RUNNING).with_pod(running(**told_to_end(10**6, grace_seconds=1))),
        "wait",
    ),
    (
        "nor is one whose own grace period is 0",
        RUNNING.with_pod(running(**NO_GRACE)),
        "write Running, NodeUnreachable",
    ),
    # No node
    (
        "a Pod without a node needs nobody's word",
        a_task().with_pod(a_pod(**told_to_end(0, grace_seconds=0))),
        "write Pending, PodDeleted",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


@pytest.mark.parametrize("seen", [RUNNING, SUSPENDED, OUT_OF_TIME])
def test_the_silence_is_told_with_what_to_do_about_it(seen: TaskBuilder) -> None:
    status = told(seen).status
    assert status.message is not None
    for words in (running().name, "node n1 does not confirm", "delete the Node object", "--force"):
        assert words in status.message


def test_force_is_no_advice_where_it_cannot_be_told_apart() -> None:
    message = written(RUNNING.with_pod(running(**NO_GRACE))).message or ""
    assert "delete the Node object" in message
    assert "--force" not in message


def test_nothing_else_of_the_status_changes() -> None:
    def without_words(status: MLTaskStatus) -> MLTaskStatus:
        return status.model_copy(update={"reason": None, "message": None})

    assert without_words(told(RUNNING).status) == without_words(RUNNING.status)


def test_a_pod_of_which_nothing_was_told_yet_is_named() -> None:
    pod = waiting_for(Reason.CONTAINER_CREATING, attempt=2, **told_to_end(60))
    told = written(a_task().with_status(disrupted_before()).with_pod(pod))
    assert (told.attempts, told.pod_name, told.node_name) == (2, pod.name, "n1")


def test_a_node_that_is_lost_counts_as_a_disruption() -> None:
    status = written(RUNNING.with_pod(running(**told_to_end(60, grace_seconds=0))))
    assert (status.failures, status.disruptions) == (0, 1)
    assert status.history[-1].reason == "NodeLost"
