"""`spec.suspend`: the Pod goes and nothing is counted; resumed, the task starts anew."""

from tests.api import kubelet
from tests.api.operator_process import OperatorProcess
from tests.api.pipelines import column, go_on, step_runs, steps
from tests.api.suspension import condition, counted, resume, suspend
from tests.api.team import Json, Team, outcome
from tests.api.watch import Watch

ENDS: Json = {"run_seconds": 0.1}


def test_a_running_task_loses_its_pod_and_starts_anew_once_it_is_resumed(
    shared_team: Team, pods: Watch
) -> None:
    team = shared_team
    team.run("paused", template={"spec": {"terminationGracePeriodSeconds": 7}})
    team.wait_for_phase("paused", "Running")
    first = team.status("paused")["podName"]
    suspend(team, "paused")
    team.wait("paused", "condition=Suspended")
    team.wait_for_no_pods("paused")
    team.wait("paused", "jsonpath={.status.history[0].reason}=Suspended")
    status = team.status("paused")
    assert (status["phase"], status["reason"]) == ("Suspended", "Suspended")
    assert condition(status) == ("True", "Suspended")
    assert (status["attempts"], counted(status)) == (1, (0, 0))
    [pod] = pods.removed("paused")
    told = [p["metadata"] for _, p in pods.events("paused") if "deletionTimestamp" in p["metadata"]]
    assert (pod["metadata"]["name"], told[0]["deletionGracePeriodSeconds"]) == (first, 7)

    resume(team, "paused")
    team.wait("paused", "condition=Suspended=False")
    second = team.pod_of("paused", 2)["metadata"]["name"]
    kubelet.end(team, "paused", 2)
    status = team.finish("paused")
    assert outcome(status) == ("Succeeded", "Completed", 2, 0)
    assert condition(status) == ("False", "Resumed")
    assert counted(status) == (0, 0)
    assert pods.lives("paused") == [
        ("ADDED", first),
        ("DELETED", first),
        ("ADDED", second),
        ("DELETED", second),
    ]


def test_created_suspended_it_has_no_pod_until_it_is_resumed(
    shared_team: Team, pods: Watch
) -> None:
    team = shared_team
    team.run("later", fate=ENDS, suspend=True)
    team.wait("later", "condition=Suspended")
    # What the operator is asked for later is done.
    team.run("other", fate=ENDS)
    team.finish("other")
    assert pods.lives("later") == []
    status = team.status("later")
    assert (status["phase"], status.get("attempts", 0)) == ("Suspended", 0)
    resume(team, "later")
    assert outcome(team.finish("later")) == ("Succeeded", "Completed", 1, 0)
    assert len(pods.lives("later")) == 2


def test_a_suspended_task_can_be_deleted(shared_team: Team) -> None:
    shared_team.run("unwanted", suspend=True)
    shared_team.wait("unwanted", "condition=Suspended")
    shared_team.kubectl("delete", "mltask", "unwanted", "--timeout=120s")


def test_a_task_that_fits_nowhere_is_suspended_and_resumed(shared_team: Team) -> None:
    team = shared_team
    team.run("nowhere", template={"spec": {"nodeSelector": {"none": "such"}}})
    team.wait_for_reason("nowhere", "Unschedulable")
    suspend(team, "nowhere")
    team.wait("nowhere", "condition=Suspended")
    team.wait_for_no_pods("nowhere")
    resume(team, "nowhere")
    team.wait_for_reason("nowhere", "Unschedulable")
    status = team.status("nowhere")
    assert (status["attempts"], counted(status)) == (2, (0, 0))


def test_a_task_that_backs_off_is_suspended_and_keeps_its_failures(
    shared_team: Team, pods: Watch
) -> None:
    team = shared_team
    team.run("failed-once", backoffLimit=1, backoff={"baseSeconds": 600})
    kubelet.end(team, "failed-once", 1, exit_code=1)
    team.wait_for_reason("failed-once", "BackingOff")
    suspend(team, "failed-once")
    team.wait("failed-once", "condition=Suspended")
    assert counted(team.status("failed-once")) == (1, 0)
    resume(team, "failed-once")
    kubelet.end(team, "failed-once", 2, exit_code=1)
    assert outcome(team.finish("failed-once")) == ("Failed", "ContainerFailed", 2, 2)


def test_suspended_and_resumed_quickly_again_and_again(shared_team: Team, pods: Watch) -> None:
    team = shared_team
    team.run("restless")
    for _ in range(5):
        suspend(team, "restless")
        resume(team, "restless")
    suspend(team, "restless")
    team.wait("restless", "condition=Suspended")
    team.wait_for_no_pods("restless")
    resume(team, "restless")
    team.wait_for_phase("restless", "Running")
    kubelet.end(team, "restless", team.status("restless")["attempts"])
    status = team.finish("restless")
    assert status["phase"] == "Succeeded"
    assert counted(status) == (0, 0)
    lives = pods.lives("restless")
    assert [kind for kind, _ in lives] == ["ADDED", "DELETED"] * status["attempts"]
    assert len(set(lives)) == len(lives), "no Pod is made twice"


def test_steps_that_ended_are_not_run_again(shared_team: Team, pods: Watch) -> None:
    team = shared_team
    fate = {"step_seconds": 0.1, "step_seconds.b": 600, "run_seconds": 0.1}
    team.run("pipeline", fate=fate, steps=steps("a", "b", "c"))
    step_runs(team, "pipeline", 1)
    suspend(team, "pipeline")
    team.wait_for_no_pods("pipeline")
    team.wait("pipeline", "jsonpath={.status.history[0].reason}=Suspended")
    status = team.status("pipeline")
    assert (status["phase"], column(status, "phase")) == (
        "Suspended",
        ["Succeeded", "Pending", "Pending"],
    )
    resume(team, "pipeline")
    go_on(team, team.pod_of("pipeline", 2), "b")
    assert outcome(team.finish("pipeline")) == ("Succeeded", "Completed", 2, 0)
    assert pods.runs("pipeline", 2) == {"a": [1], "b": [1, 2], "c": [2]}


def test_a_task_that_waits_for_quota_is_suspended_and_resumed(
    team: Team, operator: OperatorProcess
) -> None:
    team.kubectl("create", "quota", "none", "--hard=pods=0")
    team.kubectl("wait", "--for=jsonpath={.status.hard.pods}=0", "quota/none", "--timeout=120s")
    team.run("waiting", fate=ENDS)
    team.wait_for_reason("waiting", "QuotaExceeded")
    suspend(team, "waiting")
    team.wait("waiting", "condition=Suspended")
    team.kubectl("delete", "quota", "none")
    # With room again, only who wants it gets it.
    team.run("other", fate=ENDS)
    assert team.finish("other")["phase"] == "Succeeded"
    assert team.status("waiting")["phase"] == "Suspended"
    resume(team, "waiting")
    assert outcome(team.finish("waiting")) == ("Succeeded", "Completed", 1, 0)
