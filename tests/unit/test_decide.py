"""The decision table: what is observed, and the one action that follows.

The life of a task that meets no trouble, and the promises. What else may befall it has files of
its own: retries, deadlines, suspension, steps, quota, silent nodes.
"""

from dataclasses import replace
from typing import Any

import pytest

from mltask_operator.api.status import Phase
from mltask_operator.lifecycle.decide import decide
from mltask_operator.lifecycle.observed import Pod
from mltask_operator.lifecycle.rules import Rules
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided
from tests.unit.pods import NOW, a_pod, ago, ended, running, seconds, succeeded, told_to_end
from tests.unit.statuses import disrupted_before, running_status

A_COPY: dict[str, Any] = {"name": "copy", "uid": "copy", "is_genuine": False}

TABLE = [
    # Allocate
    ("a new task gets its Pod", a_task(), "create attempt 1"),
    (
        "a disrupted task gets its next Pod",
        a_task().with_status(disrupted_before()),
        "create attempt 2",
    ),
    ("a task being deleted gets no Pod", a_task().being_deleted(), "wait"),
    # Under way
    ("a Pod that nothing is said of is waited for", a_task().with_pod(a_pod()), "wait"),
    ("a running Pod is reported", a_task().with_pod(running()), "write Running"),
    (
        "once",
        a_task().with_status(running_status()).with_pod(running()),
        "wait",
    ),
    (
        "a running Pod that somebody deletes is left to the kubelet",
        a_task().with_pod(running(**told_to_end(1))),
        "wait 59 s",
    ),
    (
        "a Pod whose finalizer somebody took off is held again",
        a_task().with_pod(running(is_held=False)),
        "hold Pod",
    ),
    (
        "but not once it is being deleted",
        a_task().with_pod(running(is_held=False, **told_to_end(1))),
        "wait 59 s",
    ),
    # Ended
    (
        "a success is recorded before the Pod goes",
        a_task().with_pod(succeeded()),
        "write Succeeded, Completed",
    ),
    (
        "a failure is recorded before the Pod goes",
        a_task().with_pod(ended(1)),
        "write Failed, ContainerFailed",
    ),
    (
        "a disruption is recorded before the Pod goes",
        a_task().with_pod(ended(137, **told_to_end(20))),
        "write Pending, PodDeleted",
    ),
    (
        "a Pod deleted before it had a node has ended",
        a_task().with_pod(a_pod(deletion_asked_at=ago(1))),
        "write Pending, PodDeleted",
    ),
    # Release
    ("then the Pod is deleted", a_task().that_finished().with_pod(succeeded()), "delete Pod"),
    (
        "then it is let go of",
        a_task().that_finished().with_pod(succeeded(deletion_asked_at=ago(0))),
        "release Pod",
    ),
    (
        "then its kubelet removes it",
        a_task().that_finished().with_pod(running(**told_to_end(0), is_held=False)),
        "wait",
    ),
    (
        "a settled attempt's Pod goes before the next is made",
        a_task().with_status(disrupted_before()).with_pod(ended(137)),
        "delete Pod",
    ),
    (
        "and is let go of",
        a_task().with_status(disrupted_before()).with_pod(ended(137, deletion_asked_at=ago(0))),
        "release Pod",
    ),
    ("a finished task without a Pod is left alone", a_task().that_finished(), "wait"),
    # Its time to live
    (
        "a finished task lives as long as it is to",
        a_task().with_rules(ttl=seconds(60)).that_finished(seconds_ago=59),
        "wait 1 s",
    ),
    (
        "and is deleted then",
        a_task().with_rules(ttl=seconds(60)).that_finished(seconds_ago=60),
        "delete task",
    ),
    (
        "at once, if it is to",
        a_task().with_rules(ttl=seconds(0)).that_finished(Phase.FAILED, seconds_ago=0),
        "delete task",
    ),
    (
        "but not before its Pod is gone",
        a_task().with_rules(ttl=seconds(0)).that_finished().with_pod(succeeded()),
        "delete Pod",
    ),
    (
        "nor before its end: a task that runs has no time to live",
        a_task().with_rules(ttl=seconds(0)).with_status(running_status()).with_pod(running()),
        "wait",
    ),
    # Deleted
    (
        "a deleted task's Pod is the garbage collector's",
        a_task().gone().with_pod(running()),
        "wait",
    ),
    (
        "so is that of a task that is being deleted",
        a_task().being_deleted().with_pod(running()),
        "wait",
    ),
    (
        "which then is let go of while it still ends",
        a_task().gone().with_pod(running(**told_to_end(0))),
        "release Pod",
    ),
    (
        "and then left to the kubelet",
        a_task().gone().with_pod(running(**told_to_end(0), is_held=False)),
        "wait",
    ),
    (
        "an orphaned Pod is let go of, not deleted",
        a_task().gone().with_pod(running(is_owned=False)),
        "release Pod",
    ),
    (
        "and then the user's own",
        a_task().gone().with_pod(running(is_owned=False, is_held=False)),
        "wait",
    ),
    # What is not ours
    (
        "somebody's copy of a Pod does not speak for the task",
        a_task().with_pod(ended(1, **A_COPY)),
        "create attempt 1",
    ),
    ("nor is it deleted", a_task().that_finished().with_pod(running(**A_COPY)), "wait"),
    (
        "but it is let go of",
        a_task().with_pod(running(**A_COPY, **told_to_end(1))),
        "release Pod",
    ),
    (
        "a status of a later version is left alone",
        a_task().not_understood().with_pod(succeeded()),
        "wait",
    ),
    (
        "a Pod of an unknown task is looked into",
        a_task().never_seen().with_pod(running()),
        "read task",
    ),
]


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


# The promises


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
@pytest.mark.parametrize("pod", [succeeded(), ended(1), running(), succeeded(attempt=2)])
def test_an_outcome_is_never_written_twice(phase: Phase, pod: Pod) -> None:
    assert decided(a_task().that_finished(phase).with_pod(pod)) == "delete Pod"


@pytest.mark.parametrize(
    "rules",
    [
        Rules(is_suspended=True),
        Rules(backoff_limit=9),
        Rules(steps=("a", "b"), goes_on_after_failed_step=True),
    ],
    ids=["suspended", "with retries left", "with steps left"],
)
def test_an_outcome_never_changes_whatever_the_spec_says(rules: Rules) -> None:
    assert decided(replace(a_task(), rules=rules).that_finished(Phase.FAILED)) == "wait"


def test_the_same_is_decided_however_often_it_is_asked() -> None:
    for _, seen, _ in TABLE:
        assert decide(seen.build(), NOW) == decide(seen.build(), NOW)
