"""`spec.ttlSecondsAfterFinished`: the MLTask is deleted so long after its end, and not before."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.api import kubelet
from tests.api.audit import OPERATOR
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team, manifest
from tests.api.times import SLOWNESS, now, parse, seconds, wait_for
from tests.api.watch import TASKS, Watch
from tests.waiting import wait_until

ENDS: Json = {"run_seconds": 0}
FAILS: Json = {**ENDS, "exit_code": 1}
LONG = 3600


@pytest.fixture(scope="module")
def tasks(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """All that happens to the MLTasks of this file."""
    with Watch(shared_team, tmp_path_factory.mktemp("watch"), TASKS) as watch:
        yield watch


@pytest.fixture(scope="module", autouse=True)
def stories(shared_team: Team, tasks: Watch, pods: Watch) -> None:
    """All tasks of this file run side by side, and each test waits for its own."""
    shared_team.apply(
        manifest("at-once", fate=ENDS, ttlSecondsAfterFinished=0),
        manifest("soon", fate=ENDS, ttlSecondsAfterFinished=2),
        manifest("failed", fate=FAILS, ttlSecondsAfterFinished=2),
        manifest("kept", fate=ENDS),
        manifest("told-later", fate=ENDS),
        manifest("raised", fate=ENDS, ttlSecondsAfterFinished=10),
        manifest("taken-back", fate=ENDS, ttlSecondsAfterFinished=10),
        manifest("never-ends", ttlSecondsAfterFinished=0),
    )
    for task, ttl in (("raised", LONG), ("taken-back", None)):
        shared_team.finish(task)
        tell(shared_team, task, ttl)


def tell(team: Team, task: str, ttl: int | None) -> None:
    """Change the time to live of an MLTask."""
    patch = json.dumps({"spec": {"ttlSecondsAfterFinished": ttl}})
    team.kubectl("patch", "mltask", task, "--type=merge", f"--patch={patch}")


def finished_at(status: Json) -> datetime:
    """Return when the outcome was recorded."""
    [moment] = [c["lastTransitionTime"] for c in status["conditions"] if c["type"] == "Finished"]
    return parse(moment)


def wait_until_gone(team: Team, task: str) -> None:
    team.kubectl("wait", "--for=delete", f"mltask/{task}", "--timeout=120s")


def deleted_at(team: Team, task: str) -> datetime:
    """Return when the operator asked for the MLTask's deletion."""
    wait_until(lambda: bool(list(deletions(team, task))), "its deletion is in the audit log")
    [moment] = deletions(team, task)
    return moment


def deletions(team: Team, task: str) -> Iterator[datetime]:
    target = {"resource": "mltasks", "namespace": team.namespace, "name": task}
    for event in team.cluster.audit_log.events(about=team.namespace):
        asks = (event["verb"], event["user"]["username"]) == ("delete", OPERATOR)
        if asks and target.items() <= event["objectRef"].items():
            yield parse(event["requestReceivedTimestamp"])


@pytest.mark.parametrize(
    ("task", "ttl", "phase"),
    [("at-once", 0, "Succeeded"), ("soon", 2, "Succeeded"), ("failed", 2, "Failed")],
)
def test_a_finished_task_is_deleted_when_its_time_has_passed(
    shared_team: Team, tasks: Watch, pods: Watch, task: str, ttl: int, phase: str
) -> None:
    wait_until_gone(shared_team, task)
    wait_until(lambda: bool(tasks.removed(task)), "its end is seen")
    [last] = tasks.removed(task)
    assert last["status"]["phase"] == phase
    due = finished_at(last["status"]) + seconds(ttl)
    assert due <= deleted_at(shared_team, task) < due + SLOWNESS
    # Its Pod went by itself before that, and was not left to the garbage collector.
    [pod] = pods.removed(task)
    assert version(pod) < version(last)


def version(found: Json) -> int:
    return int(found["metadata"]["resourceVersion"])


def test_the_time_may_be_set_on_a_finished_task(shared_team: Team) -> None:
    shared_team.finish("told-later")
    tell(shared_team, "told-later", 1)
    wait_until_gone(shared_team, "told-later")


def test_a_task_that_has_not_finished_is_kept(shared_team: Team) -> None:
    shared_team.wait_for_phase("never-ends", "Running")


def test_a_task_without_a_time_to_live_is_kept(shared_team: Team) -> None:
    assert shared_team.finish("kept")["phase"] == "Succeeded"


def test_a_time_that_is_raised_or_taken_back_keeps_the_task(shared_team: Team) -> None:
    team, changed = shared_team, ("raised", "taken-back")
    wait_for(max(finished_at(team.status(task)) for task in changed) + seconds(11))
    for task in changed:
        assert team.status(task)["phase"] == "Succeeded"
    tell(team, "raised", 0)
    wait_until_gone(team, "raised")


def test_it_passes_also_while_the_operator_is_down(
    team: Team, tmp_path: Path, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    team.apply(
        manifest("passes", fate=ENDS, ttlSecondsAfterFinished=5),
        manifest("lasts", fate=ENDS, ttlSecondsAfterFinished=LONG),
        manifest("ends", ttlSecondsAfterFinished=0),
    )
    team.pod_of("ends")
    for task in ("passes", "lasts"):
        team.wait(task, "condition=Finished")
    operator.kill()
    kubelet.end(team, "ends")
    wait_for(finished_at(team.status("passes")) + seconds(5))
    assert team.status("passes")["phase"] == "Succeeded"

    start_operator(team)
    served_at = now()
    for task in ("passes", "ends"):
        wait_until_gone(team, task)
        team.wait_for_no_pods(task)
        assert deleted_at(team, task) < served_at + SLOWNESS
    assert team.status("lasts")["phase"] == "Succeeded"
