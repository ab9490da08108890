"""The decision table: what is observed, and the one action that follows."""

from datetime import timedelta

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus, Phase
from mltask_operator.lifecycle.actions import (
    CreatePod,
    DeletePod,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.decide import decide, is_settled
from mltask_operator.lifecycle.observed import Pod, PodPhase, RefusalKind
from tests.unit.builders import (
    NOW,
    TaskBuilder,
    a_pod,
    a_task,
    ago,
    disrupted_before,
    ended,
    rejected_before,
    running,
    succeeded,
)

RUNNING_STATUS = MLTaskStatus(
    phase=Phase.RUNNING,
    attempts=1,
    pod_name=running().name,
    node_name="n1",
    start_time=ago(30),
    observed_generation=1,
)
QUOTA_STATUS = MLTaskStatus(reason="QuotaExceeded", message="no", observed_generation=1)

TABLE = [
    # Allocate
    ("a new task gets its Pod", a_task(), CreatePod),
    ("a disrupted task gets its next Pod", a_task().with_status(disrupted_before()), CreatePod),
    (
        "but not at once, against a hot loop",
        a_task().with_status(disrupted_before(seconds=0)),
        Wait,
    ),
    (
        "a node's fast clock does not delay it for long",
        a_task().with_status(disrupted_before(seconds=-3600)),
        CreatePod,
    ),
    # Refused
    ("an invalid Pod fails the task", a_task().refused(RefusalKind.INVALID), WriteStatus),
    ("a forbidden Pod fails the task", a_task().refused(RefusalKind.FORBIDDEN), WriteStatus),
    ("waiting for quota is told", a_task().refused(RefusalKind.QUOTA), WriteStatus),
    (
        "and then waited for",
        a_task().with_status(QUOTA_STATUS).refused(RefusalKind.QUOTA),
        Wait,
    ),
    (
        "and then tried again",
        a_task().with_status(QUOTA_STATUS).refused(RefusalKind.QUOTA, seconds_ago=2),
        CreatePod,
    ),
    (
        "less often each time",
        a_task().with_status(QUOTA_STATUS).refused(RefusalKind.QUOTA, seconds_ago=2, count=3),
        Wait,
    ),
    # Under way
    ("a Pod that waits for its start is waited for", a_task().with_pod(a_pod()), Wait),
    (
        "a stale reason is cleared once there is a Pod",
        a_task().with_status(QUOTA_STATUS).with_pod(a_pod()),
        WriteStatus,
    ),
    ("a running Pod is reported", a_task().with_pod(running()), WriteStatus),
    (
        "but not within its first second",
        a_task().with_pod(running()).changed(seconds_ago=0.4),
        Wait,
    ),
    ("and once only", a_task().with_status(RUNNING_STATUS).with_pod(running()), Wait),
    (
        "a running Pod that somebody deletes is left to the kubelet",
        a_task().with_pod(running(deletion_asked_at=ago(1))),
        Wait,
    ),
    # Ended
    ("a success is recorded before the Pod goes", a_task().with_pod(succeeded()), WriteStatus),
    ("a failure is recorded before the Pod goes", a_task().with_pod(ended(1)), WriteStatus),
    (
        "a disruption is recorded before the Pod goes",
        a_task().with_pod(ended(137, deletion_asked_at=ago(20))),
        WriteStatus,
    ),
    (
        "a Pod deleted before it had a node has ended",
        a_task().with_pod(a_pod(deletion_asked_at=ago(1))),
        WriteStatus,
    ),
    # Release
    ("then the Pod is deleted", a_task().that_finished().with_pod(succeeded()), DeletePod),
    (
        "then it is let go of",
        a_task().that_finished().with_pod(succeeded(deletion_asked_at=ago(0))),
        ReleasePod,
    ),
    (
        "a settled attempt's Pod goes before the next is made",
        a_task().with_status(disrupted_before()).with_pod(ended(137)),
        DeletePod,
    ),
    ("a finished task without a Pod is left alone", a_task().that_finished(), Wait),
    # Deleted
    ("a deleted task's Pod is the garbage collector's", a_task().gone().with_pod(running()), Wait),
    (
        "so is that of a task that is being deleted",
        a_task().being_deleted().with_pod(running()),
        Wait,
    ),
    (
        "which then is let go of while it still ends",
        a_task().gone().with_pod(running(deletion_asked_at=ago(0))),
        ReleasePod,
    ),
    (
        "and then left to the kubelet",
        a_task().gone().with_pod(running(deletion_asked_at=ago(0), is_held=False)),
        Wait,
    ),
    (
        "an orphaned Pod is let go of, not deleted",
        a_task().gone().with_pod(running(is_owned=False)),
        ReleasePod,
    ),
    (
        "and then the user's own",
        a_task().gone().with_pod(running(is_owned=False, is_held=False)),
        Wait,
    ),
    (
        "somebody's copy of a Pod does not speak for the task",
        a_task().with_pod(ended(1, name="copy", is_genuine=False)),
        CreatePod,
    ),
    (
        "nor is it deleted",
        a_task().that_finished().with_pod(running(name="copy", is_genuine=False)),
        Wait,
    ),
    (
        "but it is let go of",
        a_task().with_pod(
            running(name="copy", uid="copy", is_genuine=False, deletion_asked_at=ago(1))
        ),
        ReleasePod,
    ),
    (
        "a status of a later version is left alone",
        a_task().not_understood().with_pod(succeeded()),
        Wait,
    ),
    (
        "a Pod that a node rejects is followed by another",
        a_task().with_status(rejected_before(1, seconds=1.5)),
        CreatePod,
    ),
    (
        "but by one after the other more slowly",
        a_task().with_status(rejected_before(4, seconds=7)),
        Wait,
    ),
    (
        "up to once a minute",
        a_task().with_status(rejected_before(30, seconds=61)),
        CreatePod,
    ),
    ("a task being deleted gets no Pod", a_task().being_deleted(), Wait),
    (
        "a Pod of an unknown task is looked into",
        a_task().never_seen().with_pod(running()),
        ReadTask,
    ),
]


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: type) -> None:
    assert isinstance(decide(seen.build(), NOW), action)


def written(seen: TaskBuilder) -> MLTaskStatus:
    """Return the status that is to be written, which must be what is to be done."""
    action = decide(seen.build(), NOW)
    assert isinstance(action, WriteStatus)
    return action.status


def test_success_keeps_the_evidence() -> None:
    status = written(a_task().with_pod(succeeded(output='{"accuracy": 0.97}')))
    assert (status.phase, status.reason, status.exit_code) == ("Succeeded", "Completed", 0)
    assert status.result == '{"accuracy": 0.97}'
    assert status.log_tail is None
    assert status.duration == "20s"
    assert [c.type for c in status.conditions] == ["Complete", "Finished"]
    assert (status.attempts, status.node_name, status.observed_generation) == (1, "n1", 1)


def test_failure_keeps_the_evidence() -> None:
    status = written(a_task().with_pod(ended(3, output="ValueError: no data")))
    assert (status.phase, status.reason, status.exit_code) == ("Failed", "ContainerFailed", 3)
    assert status.message == "container main ended with exit code 3"
    assert status.log_tail == "ValueError: no data"
    assert status.result is None
    assert [c.type for c in status.conditions] == ["Failed", "Finished"]


def test_disruption_is_followed_by_a_further_attempt() -> None:
    status = written(
        a_task()
        .with_status(disrupted_before(2))
        .with_pod(ended(137, attempt=3, disruption="PreemptionByScheduler"))
    )
    assert (status.phase, status.reason, status.disruptions) == ("Pending", "PodPreempted", 3)
    assert [record.attempt for record in status.history] == [1, 2, 3]
    assert status.conditions == ()
    following = decide(a_task().with_status(status).build(), NOW + timedelta(seconds=5))
    assert isinstance(following, CreatePod)
    assert following.attempt == 4


def test_history_holds_the_last_ten_attempts() -> None:
    seen = a_task().with_status(disrupted_before(12)).with_pod(ended(1, 13, disruption="x"))
    assert [record.attempt for record in written(seen).history] == list(range(4, 14))


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
    status = written(a_task().refused(kind))
    assert (status.phase, status.reason, status.message) == (phase, reason, "no")


def test_waiting_ends_by_itself() -> None:
    action = decide(a_task().with_status(QUOTA_STATUS).refused(RefusalKind.QUOTA).build(), NOW)
    assert action == Wait("the creation of the Pod was refused", until=NOW + timedelta(seconds=1))


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
@pytest.mark.parametrize("pod", [succeeded(), ended(1), running(), succeeded(attempt=2)])
def test_an_outcome_is_never_written_twice(phase: Phase, pod: Pod) -> None:
    seen = a_task().that_finished(phase).with_pod(pod).build()
    assert isinstance(decide(seen, NOW), DeletePod)


def test_settled_is_finished_or_gone_without_a_pod() -> None:
    assert is_settled(a_task().that_finished().build())
    assert is_settled(a_task().gone().build())
    assert not is_settled(a_task().build())
    assert not is_settled(a_task().that_finished().with_pod(succeeded()).build())
    assert not is_settled(a_task().with_pod(a_pod(phase=PodPhase.UNKNOWN)).build())
