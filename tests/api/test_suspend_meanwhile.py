"""Suspended or resumed while the task ends by itself, or while the operator is down."""

from collections.abc import Callable

import pytest

from tests.api import kubelet
from tests.api.operator_process import OperatorProcess
from tests.api.suspension import counted, resume, suspend, undeletable
from tests.api.team import Json, Team, manifest, outcome

ENDS: Json = {"run_seconds": 0.1}


@pytest.mark.parametrize(
    ("exit_code", "expected"),
    [(0, ("Succeeded", "Completed", 1, 0)), (3, ("Failed", "ContainerFailed", 1, 1))],
)
def test_a_task_that_ends_by_itself_meanwhile_keeps_its_outcome(
    team: Team, operator: OperatorProcess, exit_code: int, expected: tuple[str, str, int, int]
) -> None:
    team.run("ending")
    team.wait_for_phase("ending", "Running")
    with undeletable(team, team.status("ending")["podName"]):
        suspend(team, "ending")
        team.wait("ending", "condition=Suspended")
        kubelet.end(team, "ending", exit_code=exit_code)
        team.wait("ending", "condition=Finished")
    status = team.finish("ending")
    assert outcome(status) == expected
    assert {c["type"] for c in status["conditions"] if c["status"] == "True"} == {
        "Finished",
        {"Succeeded": "Complete", "Failed": "Failed"}[status["phase"]],
    }
    resume(team, "ending")
    team.run("other", fate=ENDS)
    team.finish("other")
    assert outcome(team.status("ending")) == expected


def test_what_was_asked_for_while_the_operator_was_down_is_done(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    team.apply(*(manifest(name) for name in ("to-suspend", "ends", "to-resume", "toggled")))
    for name in ("to-suspend", "ends", "to-resume", "toggled"):
        team.wait_for_phase(name, "Running")
    suspend(team, "to-resume")
    team.wait("to-resume", "condition=Suspended")
    operator.kill()

    suspend(team, "to-suspend")
    suspend(team, "ends")
    pod = kubelet.end(team, "ends")
    team.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod", pod, "--timeout=120s")
    resume(team, "to-resume")
    suspend(team, "toggled")
    resume(team, "toggled")

    operator = start_operator(team)
    assert outcome(team.finish("ends")) == ("Succeeded", "Completed", 1, 0)
    team.wait("to-suspend", "condition=Suspended")
    team.wait_for_no_pods("to-suspend")
    operator.kill()
    resume(team, "to-suspend")
    start_operator(team)
    for name, attempt in (("to-suspend", 2), ("to-resume", 2), ("toggled", 1)):
        kubelet.end(team, name, attempt)
        assert outcome(team.finish(name)) == ("Succeeded", "Completed", attempt, 0)
        assert counted(team.status(name)) == (0, 0)
