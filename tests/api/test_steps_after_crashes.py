"""The operator is killed with kill -9 at any moment: no step that ended runs again."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.api.operator_process import OperatorProcess
from tests.api.pipelines import QUICK, column, go_on, step_runs, steps
from tests.api.team import Json, Team, manifest, outcome
from tests.api.watch import Watch
from tests.waiting import wait_until

HOLD = "example.com/hold"
B_FAILS: Json = {**QUICK, "step_seconds.b": 600, "step_seconds.c": 600, "exit_code.b": 3}


@pytest.fixture
def pods(team: Team, tmp_path: Path) -> Iterator[Watch]:
    """All that happens to the team's Pods."""
    with Watch(team, tmp_path) as watch:
        yield watch


def hold(team: Team, pod: str, *finalizers: str) -> None:
    """Keep a Pod from vanishing, or no more."""
    current = [f for f in team.get("pod", pod)["metadata"].get("finalizers", ()) if f != HOLD]
    patch = json.dumps({"metadata": {"finalizers": [*current, *finalizers]}})
    team.kubectl("patch", "pod", pod, "--type=merge", f"--patch={patch}")


def finalizers(team: Team, pod: Json) -> list[str]:
    found: list[str] = team.get("pod", pod["metadata"]["name"])["metadata"]["finalizers"]
    return found


def test_between_any_two_moments_of_an_allocations_life(
    team: Team, pods: Watch, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    team.run(
        "train",
        fate=B_FAILS,
        steps=steps("a", "b", "c", "d"),
        stepFailurePolicy="Continue",
    )
    first = team.pod_of("train", 1)
    hold(team, first["metadata"]["name"], HOLD)
    step_runs(team, "train", 1)
    operator.kill()

    # A step fails, and nobody sees it.
    go_on(team, first, "b", exit_code=3)
    ended = "jsonpath={.status.phase}=Failed"
    team.kubectl("wait", f"--for={ended}", "pod", first["metadata"]["name"], "--timeout=120s")
    operator = start_operator(team)
    team.wait_for_reason("train", "StepFailed")
    wait_until(lambda: finalizers(team, first) == [HOLD], "the operator let go")
    operator.kill()

    # The first Pod is still there, and then is gone while nobody looks.
    operator = start_operator(team)
    operator.kill()
    assert [pod["metadata"]["name"] for pod in team.pods()] == [first["metadata"]["name"]]
    hold(team, first["metadata"]["name"])
    team.wait_for_no_pods("train")
    operator = start_operator(team)
    step_runs(team, "train", 2)
    operator.kill()

    # The last steps end, and nobody sees it.
    second = team.pod_of("train", 2)
    go_on(team, second, "c")
    ended = "jsonpath={.status.phase}=Succeeded"
    team.kubectl("wait", f"--for={ended}", "pod", second["metadata"]["name"], "--timeout=120s")
    start_operator(team)
    status = team.finish("train")
    assert outcome(status) == ("Failed", "StepFailed", 2, 1)
    assert column(status, "phase") == ["Succeeded", "Failed", "Succeeded", "Succeeded"]
    assert pods.runs("train", 2) == {"a": [1], "b": [1], "c": [2], "d": [2]}


def test_an_eviction_that_nobody_saw(
    team: Team, pods: Watch, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    held = {"step_seconds.a": 600, "step_seconds.b": 600}
    team.run("train", fate={**QUICK, **held}, steps=steps("a", "b", "c"))
    step_runs(team, "train", 0)
    operator.kill()

    # That the first step ended is known from its Pod alone.
    pod = team.pod_of("train", 1)
    name = pod["metadata"]["name"]
    go_on(team, pod, "a")
    runs = "jsonpath={.status.initContainerStatuses[1].state.running.startedAt}"
    team.kubectl("wait", f"--for={runs}", "pod", name, "--timeout=120s")
    team.evict(name)

    start_operator(team)
    go_on(team, team.pod_of("train", 2), "b")
    status = team.finish("train")
    assert outcome(status) == ("Succeeded", "Completed", 2, 0)
    assert status["disruptions"] == 1
    assert pods.runs("train", 2) == {"a": [1], "b": [1, 2], "c": [2]}


def has_started(pods: Watch, count: int) -> bool:
    """Whether that many containers have started."""
    return pods.started() >= count


def test_killed_again_and_again_under_many_tasks(
    team: Team, pods: Watch, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    tasks = [f"t{number}" for number in range(10)]
    fate = {"step_seconds": 0.3, "run_seconds": 0.3, "exit_code.b": 3, "exit_code.d": 4}
    names = ("a", "b", "c", "d", "e")
    team.apply(
        *(
            manifest(task, fate=fate, steps=steps(*names), stepFailurePolicy="Continue")
            for task in tasks
        )
    )
    for count in (5, 15, 25, 35):
        wait_until(partial(has_started, pods, count), f"{count} steps have started")
        operator.kill()
        operator = start_operator(team)
    for task in tasks:
        status = team.finish(task, seconds=60)
        assert outcome(status) == ("Failed", "StepFailed", 3, 2)
        assert pods.runs(task, 3) == {"a": [1], "b": [1], "c": [2], "d": [2], "e": [3]}
