"""n tasks make n Pods and n deletions, counted by the API server, whatever befalls the operator."""

from collections.abc import Callable

from tests.api.audit import OPERATOR, bound, requests, writes
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest


def test_200_tasks_make_200_pods_and_200_deletions(team: Team, operator: OperatorProcess) -> None:
    team.apply(*(manifest(f"t{i}", fate={"run_seconds": 0.1}) for i in range(200)))
    team.wait_until_all_done(200)

    assert team.outcomes() == {("Succeeded", 1): 200}
    made = writes(team)
    assert len(made["create pods"]) == 200
    assert len(made["delete pods"]) == len(set(made["delete pods"])) == 200
    assert len(made["patch pods"]) == 200, "finalizers taken off"
    assert 200 <= len(made["patch mltasks/status"]) <= 400
    assert sum(map(len, made.values())) <= 5 * 200


def test_a_task_that_ends_within_a_second_costs_four_writes(
    team: Team, operator: OperatorProcess
) -> None:
    team.run("quick", fate={"run_seconds": 0.1})
    team.finish("quick")
    assert {kind: len(names) for kind, names in writes(team).items()} == {
        "create pods": 1,
        "patch mltasks/status": 1,
        "delete pods": 1,
        "patch pods": 1,
    }


def test_killing_the_operator_several_times_changes_none_of_it(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    team.apply(*(manifest(f"t{i}", fate={"run_seconds": 1}) for i in range(200)))
    for done in (1, 60, 120, 180):
        team.wait_until_finished(done)
        operator.kill()
        operator = start_operator(team)
    team.wait_until_all_done(200)

    assert team.outcomes() == {("Succeeded", 1): 200}
    pods = bound(team)
    assert len(pods) == len(set(pods)) == 200
    deleted = {name for kind, name, _ in requests(team, OPERATOR) if kind == "delete pods"}
    assert deleted == set(pods)


def test_what_happened_while_the_operator_was_down_is_seen(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    operator = start_operator(team)
    for name in ("ends", "deleted", "pod-deleted"):
        team.run(name, fate={"run_seconds": 6} if name == "ends" else None)
    for name in ("ends", "deleted", "pod-deleted"):
        team.wait_for_phase(name, "Running")
    operator.kill()

    ended = "jsonpath={.status.phase}=Succeeded"
    team.kubectl("wait", f"--for={ended}", "pod", "--selector=mltask.dev/task=ends")
    team.kubectl("delete", "mltask", "deleted", "--timeout=120s")
    team.kubectl("delete", "pod", "--selector=mltask.dev/task=pod-deleted", "--wait=false")
    team.run("new", fate={"run_seconds": 0.1})

    start_operator(team)
    assert team.finish("ends")["phase"] == "Succeeded"
    assert team.finish("new")["phase"] == "Succeeded"
    team.wait_for_no_pods("deleted")
    team.wait("pod-deleted", "jsonpath={.status.attempts}=2")
