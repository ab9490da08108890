"""Every way through a task's life, on the real API server."""

import json
import re
from collections.abc import Callable

import pytest

from tests.api.operator_process import OperatorProcess
from tests.api.team import Team
from tests.waiting import wait_until


def test_success(team: Team, operator: OperatorProcess) -> None:
    team.run("train", fate={"run_seconds": 5, "message": '{"accuracy": 0.97}'})
    team.wait_for_phase("train", "Running")
    running = team.status("train")
    assert running["attempts"] == 1
    assert running["nodeName"].startswith("simulated-")
    assert running["startTime"]
    assert "exitCode" not in running

    status = team.finish("train")
    assert (status["phase"], status["reason"], status["exitCode"]) == ("Succeeded", "Completed", 0)
    assert status["result"] == '{"accuracy": 0.97}'
    assert status["completionTime"] > status["startTime"]
    assert status["podName"] == running["podName"]
    assert status["observedGeneration"] == 1
    assert {(c["type"], c["status"]) for c in status["conditions"]} == {
        ("Complete", "True"),
        ("Finished", "True"),
    }
    # The Pod may be gone a moment before the operator logs that.
    released = f"released Pod {status['podName']}"
    wait_until(lambda: released in operator.lines_about("train"), "the operator logs it")
    assert operator.lines_about("train") == [
        f"created Pod {status['podName']}, attempt 1",
        "Running",
        "Succeeded, Completed: every container ended with exit code 0",
        released,
    ]


def test_what_kubectl_prints(team: Team, operator: OperatorProcess) -> None:
    team.run("good", fate={"run_seconds": 1.5})
    team.run("bad", fate={"run_seconds": 0.2, "exit_code": 2})
    team.run("long")
    for name in ("good", "bad"):
        team.finish(name)
    team.wait_for_phase("long", "Running")

    head, *rows = team.kubectl("get", "mlt").splitlines()
    assert head.split() == ["NAME", "PHASE", "REASON", "ATTEMPTS", "EXIT", "DURATION", "AGE"]
    assert re.fullmatch(r"bad +Failed +ContainerFailed +1 +2 +\d+s +\d+s", rows[0])
    assert re.fullmatch(r"good +Succeeded +Completed +1 +0 +\d+s +\d+s", rows[1])
    assert re.fullmatch(r"long +Running +1 +\d+s", rows[2])
    wide = team.kubectl("get", "ml", "-o", "wide").splitlines()[0]
    assert wide.split()[-3:] == ["POD", "NODE", "RESULT"]


def test_a_task_that_nobody_serves_is_pending(team: Team) -> None:
    team.run("train")
    assert team.status("train") == {"phase": "Pending"}


def test_a_service_account_may_come_later(team: Team, operator: OperatorProcess) -> None:
    team.run(
        "train", fate={"run_seconds": 0.2}, template={"spec": {"serviceAccountName": "trainer"}}
    )
    team.wait_for_reason("train", "ServiceAccountNotFound")
    team.kubectl("create", "serviceaccount", "trainer")
    assert team.finish("train")["phase"] == "Succeeded"


def test_a_pod_name_that_is_taken_is_waited_for(
    team: Team, start_operator: Callable[[Team], OperatorProcess]
) -> None:
    team.run("train", fate={"run_seconds": 0.2})
    uid = team.get("mltask", "train")["metadata"]["uid"]
    name = f"train-{uid[:8]}-1"
    team.kubectl("run", name, "--image=squatter:1")
    start_operator(team)
    team.wait_for_reason("train", "PodNameTaken")
    team.kubectl("delete", "pod", name, "--force")
    assert team.finish("train")["phase"] == "Succeeded"


def test_labels_that_somebody_takes_off_are_put_back(team: Team, operator: OperatorProcess) -> None:
    team.run("train", fate={"run_seconds": 5})
    team.wait_for_phase("train", "Running")
    pod = team.status("train")["podName"]
    team.kubectl("label", "pod", pod, "mltask.dev/task-uid-", "mltask.dev/attempt=7", "--overwrite")
    status = team.finish("train")
    assert (status["phase"], status["podName"], status["attempts"]) == ("Succeeded", pod, 1)


def test_a_copy_of_a_pod_is_nobodys(team: Team, operator: OperatorProcess) -> None:
    team.run("train", fate={"run_seconds": 5})
    team.wait_for_phase("train", "Running")
    copy = team.pod_of("train")
    copy["metadata"] = {
        "name": "copy",
        **{part: copy["metadata"][part] for part in ("labels", "finalizers", "ownerReferences")},
    }
    copy.pop("status")
    team.kubectl("create", "-f", "-", stdin=json.dumps(copy))
    team.wait("train", "condition=Finished")
    assert team.status("train")["attempts"] == 1
    wait_until(lambda: [p["metadata"]["name"] for p in team.pods()] == ["copy"], "only the copy")
    team.kubectl("delete", "pod", "copy", "--timeout=120s")


@pytest.mark.parametrize("cascade", ["background", "foreground"])
@pytest.mark.parametrize("state", ["waiting", "running"])
def test_a_deleted_task_takes_its_pod_with_it(
    team: Team, operator: OperatorProcess, cascade: str, state: str
) -> None:
    where = {"spec": {"nodeSelector": {"none": "such"}}} if state == "waiting" else {}
    team.run("train", template=where)
    if state == "waiting":
        team.pod_of("train")
    else:
        team.wait_for_phase("train", "Running")
    team.kubectl("delete", "mltask", "train", f"--cascade={cascade}", "--timeout=120s")
    team.wait_for_no_pods("train")


def test_an_orphaned_pod_is_its_users(team: Team, operator: OperatorProcess) -> None:
    team.run("train")
    team.wait_for_phase("train", "Running")
    team.kubectl("delete", "mltask", "train", "--cascade=orphan", "--timeout=120s")
    wait_until(lambda: "finalizers" not in team.pods()[0]["metadata"], "the Pod is let go of")
    [pod] = team.pods()
    assert pod["status"]["phase"] == "Running"
    assert "deletionTimestamp" not in pod["metadata"]


def test_a_namespace_with_running_tasks_can_be_deleted(
    team: Team, operator: OperatorProcess
) -> None:
    team.run("train")
    team.run("starved", template={"spec": {"nodeSelector": {"none": "such"}}})
    team.wait_for_phase("train", "Running")
    team.cluster.kubectl("delete", "namespace", team.namespace, "--timeout=60s")


def test_a_finalizer_that_somebody_takes_off_is_put_back(
    team: Team, operator: OperatorProcess
) -> None:
    team.run("held")
    name = team.pod_of("held")["metadata"]["name"]
    team.kubectl("patch", "pod", name, "--type=merge", '-p={"metadata":{"finalizers":null}}')
    wait_until(lambda: "finalizers" in team.get("pod", name)["metadata"], "it is held again")
    put_back = f"put the finalizer back on Pod {name}"
    wait_until(lambda: put_back in operator.lines_about("held"), "the operator logs it")
