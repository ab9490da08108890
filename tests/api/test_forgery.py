"""Pods that users made to look like a task's gain nothing that their makers could not do anyway.

Copies of a Pod within its namespace are in `test_lifecycle.py`.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.api.audit import writes
from tests.api.conftest import StartOperator
from tests.api.operator_process import OperatorProcess
from tests.api.suspension import resume
from tests.api.team import FAKE, Json, Team
from tests.waiting import wait_until

FINALIZER = "mltask.dev/tracking"
BRIEF = {"run_seconds": 0.2}


def controller(api_version: str, kind: str, metadata: Json) -> Json:
    """Return an owner reference that makes this object the controller."""
    named = {"name": metadata["name"], "uid": metadata["uid"], "controller": True}
    return {"apiVersion": api_version, "kind": kind, **named}


def owned_by(task: Json) -> Json:
    return controller("mltask.dev/v1alpha1", "MLTask", task["metadata"])


def labels_of(task: Json, attempt: int = 1) -> Json:
    metadata = task["metadata"]
    return {
        "mltask.dev/task": metadata["name"],
        "mltask.dev/task-uid": metadata["uid"],
        "mltask.dev/attempt": str(attempt),
    }


def name_of_first_pod(task: Json) -> str:
    return f"{task['metadata']['name']}-{task['metadata']['uid'][:8]}-1"


def forged(name: str, **metadata: Any) -> Json:
    """Return a Pod of a user's own; its metadata is what is forged. It runs until it is deleted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "main", "image": "forged:1"}]},
    }


def ends_soon(pod: Json) -> Json:
    pod["metadata"]["annotations"] = {f"{FAKE}/run-seconds": "0.1"}
    pod["spec"]["restartPolicy"] = "Never"
    return pod


def suspended(team: Team) -> Json:
    """Create a suspended task: its uid is known, and so the name of its first Pod."""
    team.run("train", fate=BRIEF, suspend=True)
    team.wait_for_phase("train", "Suspended")
    return team.get("mltask", "train")


def is_untouched(team: Team, pod: str) -> bool:
    """Whether nobody asked for the Pod's deletion, and the operator wrote nothing to it."""
    metadata = team.get("pod", pod)["metadata"]
    written = {name for names in writes(team).values() for name in names}
    return "deletionTimestamp" not in metadata and pod not in written


def test_a_pod_does_not_speak_for_a_task_of_another_namespace(
    team: Team, other_team: Team, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    team.run("train", fate={"run_seconds": 0.2, "exit_code": 3})
    task = team.get("mltask", "train")
    # Before the operator starts, so that it may learn of this Pod before it does of the task.
    pod = forged(name_of_first_pod(task), labels=labels_of(task), ownerReferences=[owned_by(task)])
    other_team.apply(ends_soon(pod))
    namespaces = (other_team.namespace, team.namespace)
    operator = OperatorProcess.start(operator_kubeconfig, tmp_path / "log", *namespaces)
    try:
        status = team.finish("train")
    finally:
        operator.stop()
    assert (status["phase"], status["attempts"], status["exitCode"]) == ("Failed", 1, 3)
    # Kubernetes' garbage collector may delete it, whose owner is not in its namespace.
    assert writes(other_team) == {}


def test_a_pod_of_another_name_speaks_for_no_attempt(
    team: Team, start_operator: StartOperator
) -> None:
    team.run("train", fate=BRIEF)
    task = team.get("mltask", "train")
    marks = {"ownerReferences": [owned_by(task)], "finalizers": [FINALIZER]}
    team.apply(forged("forged-9", labels=labels_of(task, 9), **marks))
    start_operator(team)
    team.wait("train", "condition=Finished")
    status = team.status("train")
    assert (status["phase"], status["attempts"]) == ("Succeeded", 1)
    assert status["podName"] == name_of_first_pod(task)
    wait_until(lambda: len(team.pods()) == 1, "the task's own Pod is gone")
    assert is_untouched(team, "forged-9")
    team.kubectl("delete", "pod", "forged-9", "--timeout=120s")


@pytest.mark.parametrize("bears", ["nothing of ours", "our marks and another controller"])
def test_a_name_that_is_taken_makes_its_pod_nobodys_prey(
    team: Team, operator: OperatorProcess, bears: str
) -> None:
    task = suspended(team)
    pod = name_of_first_pod(task)
    if bears == "nothing of ours":
        team.apply(forged(pod))
    else:
        team.kubectl("create", "configmap", "owner")
        owner = controller("v1", "ConfigMap", team.get("configmap", "owner")["metadata"])
        marks = {"labels": labels_of(task), "finalizers": [FINALIZER]}
        team.apply(forged(pod, ownerReferences=[owner], **marks))
    resume(team, "train")
    team.wait_for_reason("train", "PodNameTaken")
    assert is_untouched(team, pod)
    team.kubectl("delete", "mltask", "train", "--timeout=120s")
    team.run("after", fate=BRIEF)
    assert team.finish("after")["phase"] == "Succeeded"
    assert is_untouched(team, pod)
    team.kubectl("patch", "pod", pod, "--type=merge", '--patch={"metadata":{"finalizers":null}}')


def test_our_finalizer_alone_makes_no_pod_ours(team: Team, operator: OperatorProcess) -> None:
    team.apply(forged("held", finalizers=[FINALIZER]))
    team.kubectl("delete", "pod", "held", "--wait=false")
    team.run("train", fate=BRIEF)
    assert team.finish("train")["phase"] == "Succeeded"
    assert team.get("pod", "held")["metadata"]["finalizers"] == [FINALIZER]
    assert not any("held" in names for names in writes(team).values())
    team.kubectl("patch", "pod", "held", "--type=merge", '--patch={"metadata":{"finalizers":null}}')


@pytest.mark.parametrize("claims_by", ["owner reference", "labels alone"])
def test_a_pod_with_all_marks_and_the_name_is_the_attempt(
    team: Team, start_operator: StartOperator, claims_by: str
) -> None:
    # Whoever may create Pods here may thereby decide a task's outcome: docs/security.md says so.
    team.run("train", fate={"run_seconds": 0.2, "exit_code": 3})
    task = team.get("mltask", "train")
    owners = [owned_by(task)] if claims_by == "owner reference" else []
    pod = forged(name_of_first_pod(task), labels=labels_of(task), ownerReferences=owners)
    team.apply(ends_soon(pod))
    start_operator(team)
    status = team.finish("train")
    assert (status["phase"], status["attempts"]) == ("Succeeded", 1)
    assert "create pods" not in writes(team)
