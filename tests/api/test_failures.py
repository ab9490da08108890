"""Failures of the task itself: tried again as often, as late and with as much as its spec says."""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.api import kubelet
from tests.api.audit import OPERATOR, requests
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest, outcome
from tests.api.times import SLOWNESS, completed_at, created_at, now, seconds, started_at, wait_for
from tests.waiting import wait_until

FAILS = {"run_seconds": 0, "exit_code": 3, "message": "ValueError: no data"}
OUT_OF_MEMORY = {"run_seconds": 0, "exit_code": 137, "reason": "OOMKilled"}
AT_ONCE = {"baseSeconds": 1, "maxSeconds": 1}
HOLD = "example.com/hold"


@pytest.fixture(scope="module", autouse=True)
def slow_stories(shared_team: Team) -> None:
    """Begin what takes many attempts; tests at the end of this file see how it ended."""
    shared_team.apply(
        manifest(
            "stubborn",
            fate=FAILS,
            backoffLimit=4,
            backoff={"baseSeconds": 1, "maxSeconds": 2},
        ),
        manifest("tireless", fate=FAILS, backoffLimit=11, backoff=AT_ONCE),
    )


def test_without_a_backoff_limit_the_first_failure_is_the_last(shared_team: Team) -> None:
    shared_team.apply(
        manifest("failing", fate=FAILS), manifest("out-of-memory", fate=OUT_OF_MEMORY)
    )
    status = shared_team.finish("failing")
    assert outcome(status) == ("Failed", "ContainerFailed", 1, 1)
    assert (status["exitCode"], status["logTail"]) == (3, "ValueError: no data")
    assert status["message"] == "container main ended with exit code 3"
    assert "result" not in status
    shared_team.kubectl("wait", "--for=condition=Failed", "mltask/failing", "--timeout=60s")

    status = shared_team.finish("out-of-memory")
    assert outcome(status) == ("Failed", "OOMKilled", 1, 1)
    assert status["exitCode"] == 137


def test_a_failed_attempt_is_followed_by_one_that_succeeds(shared_team: Team) -> None:
    team = shared_team
    team.run("train", backoffLimit=2, backoff={"baseSeconds": 3})
    first = kubelet.end(team, "train", exit_code=1)
    team.wait_for_reason("train", "BackingOff")
    waiting = team.status("train")
    assert outcome(waiting) == ("Pending", "BackingOff", 1, 1)
    assert waiting["message"] == (
        "attempt 1 failed: container main ended with exit code 1; "
        "the next one follows 3 s after that"
    )
    kubelet.end(team, "train", attempt=2)
    status = team.finish("train")
    assert outcome(status) == ("Succeeded", "Completed", 2, 1)
    [record] = status["history"]
    assert (record["attempt"], record["podName"]) == (1, first)
    assert (record["reason"], record["exitCode"]) == ("ContainerFailed", 1)


def test_the_next_attempt_waits_until_the_last_pod_is_gone(shared_team: Team) -> None:
    team = shared_team
    team.run("held", backoffLimit=1, backoff=AT_ONCE)
    pod = team.pod_of("held", 1)["metadata"]["name"]
    hold = [{"op": "add", "path": "/metadata/finalizers/-", "value": HOLD}]
    team.kubectl("patch", "pod", pod, "--type=json", f"--patch={json.dumps(hold)}")
    kubelet.end(team, "held", exit_code=1)
    wait_until(
        lambda: team.get("pod", pod)["metadata"]["finalizers"] == [HOLD], "the operator let go"
    )
    long_due = now().replace(microsecond=0) + seconds(4)
    wait_for(long_due)
    team.kubectl("patch", "pod", pod, "--type=merge", '--patch={"metadata": {"finalizers": null}}')
    assert created_at(team, "held", 2) >= long_due


def test_a_backoff_survives_the_operators_crash(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    team.run("train", backoffLimit=1, backoff={"baseSeconds": 10})
    kubelet.end(team, "train", exit_code=1)
    team.wait_for_reason("train", "BackingOff")
    operator.kill()
    [record] = team.status("train")["history"]
    due = completed_at(record) + seconds(10)
    wait_for(due - seconds(5))
    start_operator(team)
    served_at = now()
    assert due <= created_at(team, "train", 2) < max(due, served_at) + SLOWNESS


def test_a_task_that_runs_out_of_memory_is_given_more(shared_team: Team) -> None:
    team = shared_team
    team.run(
        "hungry",
        resources={"requests": {"memory": "100Mi"}, "limits": {"memory": "150Mi"}},
        onOutOfMemory={"memoryFactor": 2, "maxMemory": "350Mi"},
    )
    asked = []
    for attempt in (1, 2, 3):
        [main] = team.pod_of("hungry", attempt)["spec"]["containers"]
        resources = main["resources"]
        asked.append((resources["requests"]["memory"], resources["limits"]["memory"]))
        if attempt > 1:
            allocated = team.status("hungry")["allocation"]["requests"]
            assert allocated == {"memory": resources["requests"]["memory"]}
        kubelet.end(team, "hungry", attempt, 137, "OOMKilled")
    assert asked == [("100Mi", "150Mi"), ("200Mi", "300Mi"), ("350Mi", "350Mi")]
    status = team.finish("hungry")
    assert outcome(status) == ("Failed", "OOMKilled", 3, 1)
    assert status["allocation"]["requests"] == {"memory": "350Mi"}
    records = [(record["reason"], record["memory"]) for record in status["history"]]
    assert records == [("OOMKilled", "100Mi"), ("OOMKilled", "200Mi")]


def test_failures_are_retried_up_to_the_backoff_limit_one_pod_at_a_time(shared_team: Team) -> None:
    status = shared_team.finish("stubborn", seconds=60)
    assert outcome(status) == ("Failed", "ContainerFailed", 5, 5)
    assert status["message"] == ("container main ended with exit code 3; backoffLimit 4 is reached")
    assert [r["attempt"] for r in status["history"]] == [1, 2, 3, 4]
    assert {(r["reason"], r["exitCode"]) for r in status["history"]} == {("ContainerFailed", 3)}

    pods = [attempt["podName"] for attempt in (*status["history"], status)]
    lives = [(kind, pod) for pod in pods for kind in ("create pods", "delete pods", "patch pods")]
    wait_until(lambda: writes_to_pods(shared_team, pods) == lives, "one after another")


def writes_to_pods(team: Team, pods: list[str]) -> list[tuple[str, str]]:
    """Return what the operator did to these Pods, in order."""
    return [
        (kind, name)
        for kind, name, code in requests(team, OPERATOR)
        if name in pods and kind.endswith("pods") and code < 300
    ]


def test_the_backoff_doubles_up_to_its_maximum(shared_team: Team) -> None:
    status = shared_team.finish("stubborn", seconds=60)
    attempts = [*status["history"], status]
    pauses = [started_at(after) - completed_at(before) for before, after in pairwise(attempts)]
    for pause, backoff in zip(pauses, map(seconds, (1, 2, 2, 2)), strict=True):
        assert backoff <= pause < backoff + SLOWNESS


def test_history_keeps_the_last_ten_attempts(shared_team: Team) -> None:
    status = shared_team.finish("tireless", seconds=120)
    assert outcome(status) == ("Failed", "ContainerFailed", 12, 12)
    assert [record["attempt"] for record in status["history"]] == list(range(2, 12))
