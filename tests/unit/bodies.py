"""Objects as a real API server and a real kubelet send them, cut to what varies."""

from datetime import datetime, timedelta
from typing import Any

from mltask_operator.api.names import pod_name
from tests.unit.builders import SPEC
from tests.unit.pods import NAME, NAMESPACE, UID

Json = dict[str, Any]

CREATED = "2026-01-01T11:59:00Z"
STARTED = "2026-01-01T11:59:30Z"
ENDED = "2026-01-01T11:59:50Z"


def task_body(version: int = 10, *, uid: str = UID, status: Json | None = None) -> Json:
    """Return an MLTask at this resourceVersion."""
    return {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "metadata": {
            "namespace": NAMESPACE,
            "name": NAME,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": CREATED,
        },
        "spec": SPEC,
        "status": {"phase": "Pending"} if status is None else status,
    }


def pod_body(
    version: int = 20, *, attempt: int = 1, owner_uid: str = UID, uid: str = "", **changes: Json
) -> Json:
    """Return the Pod of an attempt, just created; `changes` are merged into its parts."""
    body: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": NAMESPACE,
            "name": pod_name(NAME, owner_uid, attempt),
            "uid": uid or f"pod-{attempt}",
            "resourceVersion": str(version),
            "creationTimestamp": CREATED,
            "labels": {
                "mltask.dev/task": NAME,
                "mltask.dev/task-uid": owner_uid,
                "mltask.dev/attempt": str(attempt),
            },
            "finalizers": ["mltask.dev/tracking"],
            "ownerReferences": [
                {
                    "apiVersion": "mltask.dev/v1alpha1",
                    "kind": "MLTask",
                    "name": NAME,
                    "uid": owner_uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {"containers": [{"name": "main", "image": "trainer:1"}], "restartPolicy": "Never"},
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    }
    for part, change in changes.items():
        body[part] = {**body[part], **change}
    return body


def deleted(grace_seconds: int) -> Json:
    """Return the metadata of a Pod whose deletion was asked for at ENDED."""
    ends = datetime.fromisoformat(ENDED) + timedelta(seconds=grace_seconds)
    return {
        "deletionTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "deletionGracePeriodSeconds": grace_seconds,
    }


def container(name: str = "main", **state: Json) -> Json:
    """Return a container's status: one of waiting=…, running=…, terminated=…."""
    return {
        "name": name,
        "image": "trainer:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "lastState": {},
        "state": state,
    }
