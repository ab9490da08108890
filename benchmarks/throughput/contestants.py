"""Who runs one-shot tasks: bare Pods, batch/v1 Jobs and MLTasks, each task with one Pod."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mltask_operator.api import names

Json = dict[str, Any]

CONTROLLERS = "system:serviceaccount:kube-system"


@dataclass(frozen=True)
class Contestant:
    """A way to run a task; `users` are whose requests it costs beside those that each Pod costs."""

    name: str
    collection: str
    """The path of its objects in a namespace."""
    label: str
    """The label by which a Pod says which object it is of."""
    users: tuple[str, ...]
    body: Callable[[str, float], Json]
    """Makes an object of this name; each container of its Pod ends with 0 after so many seconds."""
    is_deleted_by_client: bool = False


def _pod(run_seconds: float) -> Json:
    requests = {"cpu": "10m", "memory": "16Mi"}
    return {
        "metadata": {"annotations": {"fake.mltask.dev/run-seconds": str(run_seconds)}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {"name": "main", "image": "trainer:1", "resources": {"requests": requests}}
            ],
        },
    }


def _bare_pod(name: str, run_seconds: float) -> Json:
    pod = _pod(run_seconds)
    metadata = {**pod["metadata"], "name": name, "labels": {"task": name}}
    return {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": metadata}


def _job(name: str, run_seconds: float) -> Json:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        # Its Pod is to go when it has ended, as that of an MLTask does.
        "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 0, "template": _pod(run_seconds)},
    }


def _mltask(name: str, run_seconds: float) -> Json:
    pod = _pod(run_seconds)
    [main] = pod["spec"]["containers"]
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": {
            "image": main["image"],
            "resources": main["resources"],
            "template": {"metadata": pod["metadata"]},
        },
    }


def mltasks(user: str, steps: int = 1) -> Contestant:
    """Return MLTasks of so many steps each, by an operator that is this user."""

    def body(name: str, run_seconds: float) -> Json:
        task = _mltask(name, run_seconds)
        if steps > 1:
            fate = task["spec"]["template"]["metadata"]["annotations"]
            fate["fake.mltask.dev/step-seconds"] = str(run_seconds)
            task["spec"]["steps"] = [{"name": f"step-{number}"} for number in range(steps)]
        return task

    path = f"/apis/{names.API_VERSION}/namespaces/{{}}/{names.PLURAL}"
    name = "MLTask" if steps == 1 else f"MLTask of {steps} steps"
    return Contestant(name, path, names.TASK_LABEL, (user,), body)


FLOOR = Contestant(
    "bare Pods",
    "/api/v1/namespaces/{}/pods",
    "task",
    ("kubernetes-admin",),
    _bare_pod,
    is_deleted_by_client=True,
)
JOB = Contestant(
    "Job",
    "/apis/batch/v1/namespaces/{}/jobs",
    "batch.kubernetes.io/job-name",
    (
        f"{CONTROLLERS}:job-controller",
        f"{CONTROLLERS}:ttl-after-finished-controller",
        f"{CONTROLLERS}:generic-garbage-collector",
    ),
    _job,
)
