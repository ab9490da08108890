"""Several tasks in one allocation, each in a container of its own."""

import pytest

from tests.api.team import Json, Team
from tests.e2e.kubelet.workloads import (
    TELLS_WHAT_RAN,
    at_first,
    lasting_scratch,
    logged_step,
    step,
    task,
)
from tests.waiting import wait_until

WAITS = "trap 'exit 0' TERM; while true; do sleep 0.1; done"

# The node has two CPUs: they would not fit beside one another.
PIPELINE = task(
    "pipeline",
    resources={"requests": {"cpu": "800m", "memory": "16Mi"}},
    steps=[
        step("prepare", "echo 42 > /mltask/scratch/data; echo rows > /dev/termination-log"),
        step("train", "echo training; until [ -e /mltask/scratch/go ]; do sleep 0.1; done"),
        step("evaluate", "cat /mltask/scratch/data > /dev/termination-log"),
    ],
)
ONE_BAD_OF_THREE = [
    step("good", "echo good > /dev/termination-log"),
    step("bad", "echo no data; exit 3"),
    step("last", "echo last > /dev/termination-log"),
]
STOPS = task("stops", steps=ONE_BAD_OF_THREE)
CONTINUES = task("continues", steps=ONE_BAD_OF_THREE, stepFailurePolicy="Continue")


@pytest.fixture(scope="module", autouse=True)
def started(team: Team) -> None:
    """All tasks of this file run side by side, and each test waits for its own."""
    retries = task(
        "retries",
        pod=lasting_scratch(team, "retries"),
        backoffLimit=1,
        backoff={"baseSeconds": 1, "maxSeconds": 1},
        steps=three_steps(at_first("exit 4")),
    )
    evicted = task(
        "evicted", pod=lasting_scratch(team, "evicted"), steps=three_steps(at_first(WAITS))
    )
    team.apply(PIPELINE, STOPS, CONTINUES, retries, evicted)


def three_steps(second: str) -> list[Json]:
    """Return steps of which the second runs this script, and the third tells which ones ran."""
    return [
        logged_step("first"),
        logged_step("second", second),
        logged_step("third", TELLS_WHAT_RAN),
    ]


def column(status: Json, field: str) -> list[str | int | None]:
    """Return a field of each step, in order."""
    return [each.get(field) for each in status["steps"]]


def runs(team: Team, name: str, step_name: str) -> bool:
    """Whether status says that this step runs."""
    steps = team.status(name).get("steps", ())
    return any((each["name"], each["phase"]) == (step_name, "Running") for each in steps)


def test_steps_share_a_volume_and_one_request_and_their_logs_are_read_as_they_run(
    team: Team,
) -> None:
    wait_until(lambda: runs(team, "pipeline", "train"), "the second step runs")
    pod = team.status("pipeline")["podName"]
    assert team.kubectl("logs", pod, "-c", "train") == "training\n"
    team.kubectl("exec", pod, "-c", "train", "--", "touch", "/mltask/scratch/go")

    status = team.finish("pipeline")
    assert (status["phase"], status["result"]) == ("Succeeded", "42")
    assert column(status, "name") == ["prepare", "train", "evaluate"]
    assert column(status, "phase") == ["Succeeded"] * 3
    assert column(status, "exitCode") == [0, 0, 0]
    assert column(status, "result") == ["rows", None, "42"]


def test_stop_skips_what_is_after_a_failed_step(team: Team) -> None:
    status = team.finish("stops")
    assert (status["phase"], status["exitCode"]) == ("Failed", 3)
    assert status["logTail"] == "no data"
    assert column(status, "phase") == ["Succeeded", "Failed", "Skipped"]
    assert column(status, "result") == ["good", "no data", None]


def test_continue_runs_what_is_left_in_a_further_allocation(team: Team) -> None:
    status = team.finish("continues")
    assert (status["phase"], status["reason"]) == ("Failed", "StepFailed")
    assert (status["attempts"], status["failures"]) == (2, 1)
    # The evidence is that of the step that failed, not of the last one, which did not.
    assert (status["exitCode"], status["logTail"]) == (3, "no data")
    assert column(status, "phase") == ["Succeeded", "Failed", "Succeeded"]
    assert column(status, "result") == ["good", "no data", "last"]


def test_a_retry_begins_at_the_step_that_failed(team: Team) -> None:
    status = team.finish("retries")
    assert (status["phase"], status["failures"]) == ("Succeeded", 1)
    assert status["result"].split() == ["first", "second", "second", "third"]


def test_after_an_eviction_only_steps_that_had_not_ended_run_again(team: Team) -> None:
    wait_until(lambda: runs(team, "evicted", "second"), "the second step runs")
    team.evict(team.status("evicted")["podName"])
    status = team.finish("evicted")
    assert (status["phase"], status["disruptions"]) == ("Succeeded", 1)
    assert status.get("failures", 0) == 0
    assert status["result"].split() == ["first", "second", "second", "third"]
