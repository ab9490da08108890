"""Several tasks in one allocation: their order, their outcomes, and what runs again."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from tests.api.audit import OPERATOR, requests
from tests.api.pipelines import QUICK, column, go_on, step_runs, steps
from tests.api.pool import Pool
from tests.api.team import Json, Team, manifest, outcome
from tests.api.times import parse, seconds
from tests.api.watch import Watch

MESSAGES = {"message.prepare": "9000 rows", "message.train": "0.97", "message.evaluate": "0.91"}
B_FAILS = {**QUICK, "exit_code.b": 3, "message.a": "done", "message.b": "no data"}
STATUS_WRITE = "patch mltasks/status"
AT_ONCE = {"baseSeconds": 1, "maxSeconds": 1}
# 600m each, where one node has no more than one CPU.
SHARE: Json = {"requests": {"cpu": "600m"}}


@pytest.fixture(scope="module")
def small_node(cluster: Cluster) -> Iterator[Pool]:
    """A node of one CPU."""
    with Pool(cluster) as pool:
        pool.add(cpus=1)
        yield pool


@pytest.fixture(scope="module", autouse=True)
def stories(shared_team: Team, pods: Watch, small_node: Pool) -> None:
    """All tasks of this file run side by side, and each test waits for its own."""
    long = {**QUICK, "step_seconds.b": 600}
    shared_team.apply(
        manifest(
            "pipeline",
            fate={**QUICK, **MESSAGES, "step_seconds.train": 600},
            template={"spec": small_node.placement},
            resources=SHARE,
            steps=steps("prepare", "train", "evaluate"),
        ),
        manifest("stops", fate=B_FAILS, steps=steps("a", "b", "c", "d")),
        manifest(
            "continues",
            fate={**B_FAILS, "exit_code.d": 4, "reason.d": "OOMKilled", "message.d": "diverged"},
            steps=steps("a", "b", "c", "d", "e"),
            stepFailurePolicy="Continue",
        ),
        manifest(
            "last-fails",
            fate={**B_FAILS, "exit_code.b": 0, "exit_code.c": 1, "message.c": "diverged"},
            steps=steps("a", "b", "c"),
            stepFailurePolicy="Continue",
        ),
        manifest("retries", fate=long, steps=steps("a", "b", "c"), backoffLimit=1, backoff=AT_ONCE),
        manifest("evicted", fate=long, steps=steps("a", "b", "c")),
        manifest("of-50", fate={**QUICK, "step_seconds": 0}, steps=steps(*numbered(50))),
        manifest("of-100", fate={"run_seconds": 0.1}, steps=steps(*numbered(100))),
    )


def numbered(count: int) -> list[str]:
    return [f"step-{number}" for number in range(count)]


def test_steps_run_in_order_in_one_pod_that_requests_what_one_of_them_does(
    shared_team: Team, pods: Watch
) -> None:
    team = shared_team
    step_runs(team, "pipeline", 1)
    running = team.status("pipeline")
    assert (running["phase"], running["attempts"]) == ("Running", 1)
    assert column(running, "name") == ["prepare", "train", "evaluate"]
    assert column(running, "phase") == ["Succeeded", "Running", "Pending"]
    assert column(running, "exitCode") == [0, None, None]
    assert column(running, "result") == ["9000 rows", None, None]
    assert running["startTime"] == running["steps"][0]["startTime"]
    assert set(running["steps"][1]) == {"name", "phase", "startTime"}
    pod = team.pod_of("pipeline")
    assert pod["metadata"]["name"] == running["podName"]
    assert pod["spec"]["nodeName"] == running["nodeName"]

    go_on(team, pod, "train")
    status = team.finish("pipeline")
    assert outcome(status) == ("Succeeded", "Completed", 1, 0)
    assert (status["exitCode"], status["result"]) == (0, "0.91")
    assert column(status, "phase") == ["Succeeded"] * 3
    assert column(status, "exitCode") == [0, 0, 0]
    assert column(status, "result") == list(MESSAGES.values())
    assert column(status, "reason") == [None] * 3
    times = [
        parse(step[end]) for step in status["steps"] for end in ("startTime", "completionTime")
    ]
    assert times == sorted(times)
    assert status["completionTime"] == status["steps"][-1]["completionTime"]
    assert pods.runs("pipeline", 1) == {"prepare": [1], "train": [1], "evaluate": [1]}


def test_after_a_failed_step_stop_skips_the_others(shared_team: Team, pods: Watch) -> None:
    status = shared_team.finish("stops")
    assert outcome(status) == ("Failed", "ContainerFailed", 1, 1)
    assert "b ended with exit code 3" in status["message"]
    assert (status["exitCode"], status["logTail"]) == (3, "no data")
    assert column(status, "phase") == ["Succeeded", "Failed", "Skipped", "Skipped"]
    assert column(status, "exitCode") == [0, 3, None, None]
    assert column(status, "reason") == [None, "ContainerFailed", None, None]
    assert column(status, "result") == ["done", "no data", None, None]
    assert [set(step) for step in status["steps"][2:]] == [{"name", "phase"}] * 2
    assert pods.runs("stops", 1) == {"a": [1], "b": [1], "c": [], "d": []}


def test_after_failed_steps_continue_runs_the_others_in_further_allocations(
    shared_team: Team, pods: Watch
) -> None:
    status = shared_team.finish("continues")
    assert outcome(status) == ("Failed", "StepFailed", 3, 2)
    assert status["message"] == "2 of 5 steps failed: b, d"
    assert column(status, "phase") == ["Succeeded", "Failed", "Succeeded", "Failed", "Succeeded"]
    assert column(status, "exitCode") == [0, 3, 0, 4, 0]
    assert column(status, "reason") == [None, "ContainerFailed", None, "OOMKilled", None]
    # What decided is the last step that failed, not the last one, which did not.
    assert (status["exitCode"], status["logTail"]) == (4, "diverged")
    assert [record["reason"] for record in status["history"]] == ["ContainerFailed", "OOMKilled"]
    assert pods.runs("continues", 3) == {"a": [1], "b": [1], "c": [2], "d": [2], "e": [3]}


def test_continue_needs_no_further_allocation_after_the_last_step(
    shared_team: Team, pods: Watch
) -> None:
    status = shared_team.finish("last-fails")
    assert outcome(status) == ("Failed", "StepFailed", 1, 1)
    assert status["message"] == "1 of 3 steps failed: c"
    assert (status["exitCode"], status["logTail"]) == (1, "diverged")
    assert column(status, "phase") == ["Succeeded", "Succeeded", "Failed"]
    assert pods.runs("last-fails", 1) == {"a": [1], "b": [1], "c": [1]}


def test_a_retry_begins_at_the_step_that_failed(shared_team: Team, pods: Watch) -> None:
    team = shared_team
    go_on(team, team.pod_of("retries", 1), "b", exit_code=3)
    retry = team.pod_of("retries", 2)
    waiting = team.status("retries")
    assert (waiting["failures"], column(waiting, "phase")[0]) == (1, "Succeeded")
    assert [record["exitCode"] for record in waiting["history"]] == [3]
    go_on(team, retry, "b")
    status = team.finish("retries")
    assert outcome(status) == ("Succeeded", "Completed", 2, 1)
    assert column(status, "phase") == ["Succeeded"] * 3
    assert column(status, "reason") == [None] * 3
    assert pods.runs("retries", 2) == {"a": [1], "b": [1, 2], "c": [2]}


def test_after_an_eviction_steps_that_ended_are_not_run_again(
    shared_team: Team, pods: Watch
) -> None:
    team = shared_team
    step_runs(team, "evicted", 1)
    team.evict(team.status("evicted")["podName"])
    go_on(team, team.pod_of("evicted", 2), "b")
    status = team.finish("evicted")
    assert outcome(status) == ("Succeeded", "Completed", 2, 0)
    assert (status["disruptions"], status["history"][0]["reason"]) == (1, "PodEvicted")
    assert pods.runs("evicted", 2) == {"a": [1], "b": [1, 2], "c": [2]}


@pytest.mark.parametrize("count", [50, 100])
def test_many_steps_need_one_allocation(shared_team: Team, pods: Watch, count: int) -> None:
    status = shared_team.finish(f"of-{count}", seconds=120)
    assert outcome(status) == ("Succeeded", "Completed", 1, 0)
    assert column(status, "name") == numbered(count)
    assert column(status, "phase") == ["Succeeded"] * count
    assert pods.runs(f"of-{count}", 1) == {name: [1] for name in numbered(count)}
    assert status["allocation"]["requests"] == {"cpu": "100m"}


def test_the_progress_of_many_steps_costs_few_writes(shared_team: Team) -> None:
    status = shared_team.finish("of-50", seconds=120)
    taken = parse(status["completionTime"]) - parse(status["startTime"])
    written = [name for kind, name, _ in requests(shared_team, OPERATOR) if kind == STATUS_WRITE]
    # That it waits, that it runs and its outcome, and between them one in five seconds.
    assert written.count("of-50") <= 3 + taken // seconds(5)
