"""Tasks that are told to end, by the operator or by others, and what their exit codes count for."""

import pytest

from tests.api.team import Team
from tests.e2e.kubelet.workloads import at_first, shell

# A good training program: it saves its work when it is told to end, and ends in order.
SAVES = (
    "trap 'echo saved > /dev/termination-log; exit 0' TERM; echo training; "
    "while true; do sleep 0.1; done"
)
DOES_NOT_LISTEN = "echo training; sleep 600"
GRACE = {"terminationGracePeriodSeconds": 30}


def test_at_its_deadline_a_task_has_failed_even_if_it_ends_in_order(team: Team) -> None:
    team.apply(
        shell("saves", SAVES, pod=GRACE, activeDeadlineSeconds=2),
        shell("does-not-listen", DOES_NOT_LISTEN, activeDeadlineSeconds=2),
    )
    status = team.finish("saves")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    # The kubelet looks into the log of no container that ended with exit code 0.
    assert (status["exitCode"], status["logTail"]) == (0, "saved")

    status = team.finish("does-not-listen")
    assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
    assert (status["exitCode"], status["logTail"]) == (137, "training")


def test_suspended_it_gets_its_grace_period_and_resumed_it_runs_again(team: Team) -> None:
    team.apply(shell("paused", at_first(SAVES), pod=GRACE))
    team.wait_for_phase("paused", "Running")
    team.kubectl("patch", "mltask", "paused", "--type=merge", '--patch={"spec":{"suspend":true}}')
    team.wait_for_no_pods("paused")
    team.wait("paused", "jsonpath={.status.history[0].exitCode}=0")
    status = team.status("paused")
    assert status["phase"] == "Suspended"
    [record] = status["history"]
    assert (record["reason"], record["exitCode"]) == ("Suspended", 0)

    team.kubectl("patch", "mltask", "paused", "--type=merge", '--patch={"spec":{"suspend":false}}')
    status = team.finish("paused")
    assert (status["phase"], status["attempts"]) == ("Succeeded", 2)
    assert (status.get("failures", 0), status.get("disruptions", 0)) == (0, 0)


@pytest.mark.parametrize("how", ["delete", "evict"])
def test_told_by_others_it_has_not_done_its_work(team: Team, how: str) -> None:
    name = f"told-{how}"
    team.apply(shell(name, at_first(SAVES), pod=GRACE))
    team.wait_for_phase(name, "Running")
    pod = team.status(name)["podName"]
    if how == "delete":
        team.kubectl("delete", "pod", pod, "--wait=false")
    else:
        team.evict(pod)
    status = team.finish(name)
    assert (status["phase"], status["attempts"], status["disruptions"]) == ("Succeeded", 2, 1)
    [record] = status["history"]
    assert (record["reason"], record["exitCode"]) == (
        {"delete": "PodDeleted", "evict": "PodEvicted"}[how],
        0,
    )


def test_a_deleted_task_takes_its_running_pod_with_it(team: Team) -> None:
    team.apply(shell("cancelled", DOES_NOT_LISTEN))
    team.wait_for_phase("cancelled", "Running")
    team.kubectl("delete", "mltask", "cancelled", "--timeout=20s")
    team.wait_for_no_pods("cancelled")
