"""What a status tells of an attempt that has ended: the evidence, the counts, the history."""

from datetime import timedelta

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Allocation, Phase
from mltask_operator.lifecycle.actions import CreatePod
from mltask_operator.lifecycle.decide import decide
from mltask_operator.lifecycle.observed import Pod
from tests.unit.builders import a_task
from tests.unit.decisions import written
from tests.unit.pods import NOW, a_pod, ago, ended, running, succeeded, terminated, told_to_end
from tests.unit.statuses import disrupted_before, failed_before, suspended_status


def test_success_keeps_the_evidence() -> None:
    status = written(a_task().with_pod(succeeded(output='{"accuracy": 0.97}')))
    assert (status.phase, status.reason, status.exit_code) == ("Succeeded", "Completed", 0)
    assert status.result == '{"accuracy": 0.97}'
    assert status.log_tail is None
    assert (status.start_time, status.completion_time) == (ago(30), ago(10))
    assert status.duration == "20s"
    assert [c.type for c in status.conditions] == ["Complete", "Finished"]
    assert (status.attempts, status.node_name, status.observed_generation) == (1, "n1", 1)
    assert (status.failures, status.disruptions) == (0, 0)


def test_failure_keeps_the_evidence() -> None:
    status = written(a_task().with_pod(ended(3, output="ValueError: no data")))
    assert (status.phase, status.reason, status.exit_code) == ("Failed", "ContainerFailed", 3)
    assert status.message == "container main ended with exit code 3"
    assert status.log_tail == "ValueError: no data"
    assert status.result is None
    assert [c.type for c in status.conditions] == ["Failed", "Finished"]
    assert (status.failures, status.disruptions) == (1, 0)


def test_conditions_say_when_the_outcome_was_recorded_and_why() -> None:
    status = written(a_task().with_pod(ended(3)))
    assert {(c.status, c.reason, c.message, c.last_transition_time) for c in status.conditions} == {
        ("True", "ContainerFailed", "container main ended with exit code 3", NOW)
    }
    assert status.finished_at == NOW


def test_an_attempt_that_never_started_has_no_duration() -> None:
    pod = ended(128, containers=(terminated("main", 128, reason="StartError", started_at=None),))
    status = written(a_task().with_pod(pod))
    assert (status.start_time, status.duration) == (None, None)


def test_disruption_is_followed_by_a_further_attempt() -> None:
    status = written(
        a_task()
        .with_status(disrupted_before(2))
        .with_pod(ended(137, attempt=3, disruption="PreemptionByScheduler"))
    )
    assert (status.phase, status.reason, status.disruptions) == ("Pending", "PodPreempted", 3)
    assert status.failures == 0
    assert [record.attempt for record in status.history] == [1, 2, 3]
    assert status.conditions == ()
    following = decide(a_task().with_status(status).build(), NOW + timedelta(seconds=5))
    assert isinstance(following, CreatePod)
    assert following.attempt == 4


def test_history_says_of_each_attempt_how_it_ended() -> None:
    pod = ended(3, attempt=2, scheduled_at=ago(35))
    retried = a_task().with_rules(backoff_limit=2).with_status(failed_before(1)).with_pod(pod)
    record = written(retried).history[-1]
    assert (record.attempt, record.pod_name, record.node_name) == (2, pod.name, "n1")
    assert (record.reason, record.exit_code) == ("ContainerFailed", 3)
    assert record.message == "container main ended with exit code 3"
    assert (record.start_time, record.completion_time) == (ago(30), ago(10))
    assert record.memory is None


def test_history_holds_the_last_ten_attempts() -> None:
    seen = a_task().with_status(disrupted_before(12)).with_pod(ended(1, 13, disruption="x"))
    assert [record.attempt for record in written(seen).history] == list(range(4, 14))


def test_a_task_that_was_suspended_once_is_so_no_more_when_it_ends() -> None:
    before = a_task().with_status(suspended_status())
    resumed = a_task().with_status(written(before))
    status = written(resumed.with_pod(succeeded()))
    assert [(c.type, c.status) for c in status.conditions] == [
        ("Suspended", "False"),
        ("Complete", "True"),
        ("Finished", "True"),
    ]


# What it was given, and for how long


def test_allocation_counts_from_the_node_to_the_end() -> None:
    status = written(a_task().with_pod(succeeded(scheduled_at=ago(35))))
    assert status.allocation == Allocation(requests={"cpu": "1"}, seconds=25)


def test_allocation_adds_up_over_the_attempts() -> None:
    before = disrupted_before().model_copy(
        update={"allocation": Allocation(requests={"cpu": "1"}, seconds=100)}
    )
    status = written(a_task().with_status(before).with_pod(succeeded(2, scheduled_at=ago(35))))
    assert status.allocation == Allocation(requests={"cpu": "1"}, seconds=125)


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(deletion_asked_at=ago(5)),
        succeeded(scheduled_at=ago(5)),
    ],
    ids=["never bound", "bound after its end, by a clock that is ahead"],
)
def test_what_was_not_given_is_not_counted(pod: Pod) -> None:
    status = written(a_task().with_pod(pod))
    assert status.allocation == Allocation(requests={"cpu": "1"}, seconds=0)


def test_a_task_that_runs_tells_what_it_is_given() -> None:
    assert written(a_task().with_pod(running())).allocation == Allocation(
        requests={"cpu": "1"}, seconds=0
    )


# A further attempt says why


def test_a_retry_says_what_happened_and_when_the_next_one_follows() -> None:
    seen = a_task().with_rules(backoff_limit=3).with_status(failed_before(1)).with_pod(ended(3, 2))
    status = written(seen)
    assert (status.phase, status.reason, status.failures) == (Phase.PENDING, Reason.BACKING_OFF, 2)
    assert status.message == (
        "attempt 2 failed: container main ended with exit code 3; the next one follows 20 s after "
        "that"
    )
    assert (status.attempts, status.exit_code, status.completion_time) == (2, None, None)


def test_the_last_of_the_retries_says_that_there_are_no_more() -> None:
    seen = a_task().with_rules(backoff_limit=1).with_status(failed_before(1)).with_pod(ended(3, 2))
    status = written(seen)
    assert (status.phase, status.reason, status.failures) == ("Failed", "ContainerFailed", 2)
    assert status.message == "container main ended with exit code 3; backoffLimit 1 is reached"


def test_what_speaks_of_the_last_pod_alone_is_not_kept_for_the_next() -> None:
    status = written(a_task().with_pod(ended(137, **told_to_end(20, grace_seconds=0))))
    assert (status.pod_name, status.node_name, status.start_time) == (None, None, None)
