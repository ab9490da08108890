"""activeDeadlineSeconds: an attempt that runs longer than that is ended, and is a failure."""

import json
from collections.abc import Callable

import pytest

from tests.api import kubelet
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest, outcome
from tests.api.times import SLOWNESS, completed_at, now, seconds, started_at, wait_for

HOUR = 3600


@pytest.fixture(scope="module", autouse=True)
def tasks(shared_team: Team) -> None:
    """Begin all of them at once, since each takes its time."""
    shared_team.apply(
        manifest("too-long", activeDeadlineSeconds=2),
        manifest(
            "too-long-twice",
            activeDeadlineSeconds=2,
            backoffLimit=1,
            backoff={"baseSeconds": 1},
        ),
        manifest("in-time", fate={"run_seconds": 3}, activeDeadlineSeconds=10),
        manifest("changed", activeDeadlineSeconds=8),
    )
    change_deadline(shared_team, "changed", HOUR)


def change_deadline(team: Team, task: str, deadline: int) -> None:
    patch = json.dumps({"spec": {"activeDeadlineSeconds": deadline}})
    team.kubectl("patch", "mltask", task, "--type=merge", f"--patch={patch}")


def test_an_attempt_that_runs_too_long_is_ended_with_its_evidence_kept(shared_team: Team) -> None:
    status = shared_team.finish("too-long")
    assert outcome(status) == ("Failed", "DeadlineExceeded", 1, 1)
    assert status["message"] == "ran longer than activeDeadlineSeconds (2)"
    assert status["exitCode"] == 137
    assert seconds(2) <= completed_at(status) - started_at(status) < seconds(2) + SLOWNESS
    assert "disruptions" not in status


def test_it_is_a_failure_that_is_retried(shared_team: Team) -> None:
    status = shared_team.finish("too-long-twice")
    assert outcome(status) == ("Failed", "DeadlineExceeded", 2, 2)
    assert "backoffLimit 1 is reached" in status["message"]
    [record] = status["history"]
    assert (record["reason"], record["exitCode"]) == ("DeadlineExceeded", 137)
    for attempt in (record, status):
        assert completed_at(attempt) - started_at(attempt) >= seconds(2)


def test_an_attempt_that_ends_in_time_is_left_alone(shared_team: Team) -> None:
    status = shared_team.finish("in-time")
    assert outcome(status) == ("Succeeded", "Completed", 1, 0)
    assert completed_at(status) - started_at(status) >= seconds(3)


def test_a_deadline_survives_the_operators_crash(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    for task, deadline in (("too-long", HOUR), ("in-time", 3 * HOUR)):
        team.run(task, activeDeadlineSeconds=deadline)
    for task in ("too-long", "in-time"):
        team.wait_for_phase(task, "Running")
    operator.kill()
    for task in ("too-long", "in-time"):
        pod = team.status(task)["podName"]
        since = (now() - seconds(2 * HOUR)).isoformat(timespec="seconds")
        running = kubelet.container({"running": {"startedAt": since}})
        kubelet.report(team, pod, containerStatuses=[running])
    start_operator(team)
    assert outcome(team.finish("too-long")) == ("Failed", "DeadlineExceeded", 1, 1)
    assert team.status("in-time")["phase"] == "Running"


def test_a_deadline_can_be_changed_while_the_task_runs(shared_team: Team) -> None:
    team = shared_team
    team.wait_for_phase("changed", "Running")
    wait_for(started_at(team.status("changed")) + seconds(10))
    assert team.status("changed")["phase"] == "Running"
    change_deadline(team, "changed", 5)
    status = team.finish("changed")
    assert outcome(status) == ("Failed", "DeadlineExceeded", 1, 1)
    assert status["message"] == "ran longer than activeDeadlineSeconds (5)"
    assert completed_at(status) - started_at(status) >= seconds(10)
