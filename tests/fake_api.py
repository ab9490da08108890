"""Fake API server: the part of the Kubernetes API that the operator uses, in memory.

It implements `runtime.server.Server`, as `kube.api.Api` does; tests/api/test_contract.py checks
that both behave alike. A test can inject faults: a crash of the operator before or after a write, a
lost answer, a full quota, or stale reads.
"""

import copy
import itertools
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mltask_operator.api import names
from mltask_operator.kube import slim
from mltask_operator.kube.errors import ApiError, Unreachable

Json = dict[str, Any]


class Fault(StrEnum):
    """A fault to inject into a write."""

    CRASH_BEFORE = "the operator dies before the write"
    CRASH_AFTER = "the operator dies after the write"
    ANSWER_LOST = "the write is applied and its answer lost"


class Crash(BaseException):
    """The operator's process dies."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FakeApi:
    """MLTasks and Pods of one cluster, with the API server's rules for versions and deletion."""

    def __init__(self, clock: Callable[[], datetime] = _utc_now) -> None:
        self.tasks: dict[tuple[str, str], Json] = {}
        self.pods: dict[tuple[str, str], Json] = {}
        self.events: list[Json] = []
        """All Events that the operator posted, including those refused because the name exists."""
        self.created: list[str] = []
        """Names of all Pods ever created, in order."""
        self.is_quota_full = False
        """Whether the quota of every namespace refuses further Pods."""
        self.is_read_stale = False
        """Whether reads of a Pod by name answer 404, as a cache that lost every Pod would."""
        self.pods_read: list[str] = []
        """Names of all Pods that were read by name, in order."""
        self.fault: Fault | None = None
        """The fault to inject into the next write only."""
        self.on_event: Callable[[str, str, Json], None] = lambda *_: None
        """Called for each change with tasks or pods; ADDED, MODIFIED or DELETED; and the object.

        As a watch with the operator's selector, it shows only Pods with the label of a task."""
        self._clock = clock
        self._versions = itertools.count(100)
        self._uids = itertools.count(1)

    # Calls of the operator

    async def create_pod(self, namespace: str, manifest: str) -> Json:
        return self._write(lambda: self._create_pod(json.loads(manifest)))

    async def get_pod(self, namespace: str, name: str) -> Json:
        self.pods_read.append(name)
        return copy.deepcopy(self._find("pods", namespace, name, lost=self.is_read_stale))

    async def delete_pod(self, namespace: str, name: str, uid: str) -> Json:
        return self._write(lambda: self.remove_pod(namespace, name, uid))

    async def hold_pod(self, namespace: str, name: str, uid: str) -> Json:
        return self._write(lambda: self._hold_pod(namespace, name, uid))

    async def release_pod(
        self, namespace: str, name: str, uid: str, *, is_being_deleted: bool = False
    ) -> Json:
        return self._write(lambda: self._release_pod(namespace, name, uid))

    async def label_pod(self, namespace: str, name: str, uid: str, labels: Json) -> Json:
        return self._write(lambda: self._label_pod(namespace, name, uid, labels))

    async def get_task(self, namespace: str, name: str) -> Json:
        return copy.deepcopy(self._find("tasks", namespace, name))

    async def get_task_spec(self, namespace: str, name: str, uid: str) -> Json | None:
        task = await self.get_task(namespace, name)
        return task["spec"] if task["metadata"]["uid"] == uid else None

    async def delete_task(self, namespace: str, name: str, uid: str, resource_version: str) -> None:
        self._write(lambda: self._delete_task(namespace, name, uid, resource_version))

    async def create_event(self, event: Json) -> None:
        """Store the Event. Faults are only for writes that change a task or a Pod."""
        name = event["metadata"]["name"]
        names_before = [each["metadata"]["name"] for each in self.events]
        self.events.append(event)
        if name in names_before:
            raise ApiError(409, "AlreadyExists", f"events {name} already exists")

    async def priority_classes(self) -> list[Json]:
        return []

    async def patch_status(
        self, namespace: str, name: str, resource_version: str, changes: Json
    ) -> Json:
        return self._write(lambda: self._patch_status(namespace, name, resource_version, changes))

    async def list(
        self,
        path: str,
        take: Callable[[Json], object],
        label_selector: str = "",
        field_selector: str = "",
    ) -> int:
        excluded = re.findall("status.phase!=([A-Za-z]+)", field_selector)
        objects = self.pods if path.endswith("/pods") else self.tasks
        version = next(self._versions)
        for body in list(objects.values()):
            is_chosen = label_selector in (*body["metadata"].get("labels", {}), "")
            if is_chosen and body["status"].get("phase") not in excluded:
                take(slim.slimmer_for(path)(copy.deepcopy(body), len(json.dumps(body))))
        return version

    # Calls of users and kubelets

    def create_task(self, namespace: str, name: str, spec: Json) -> Json:
        body = {
            "metadata": {"namespace": namespace, "name": name, "generation": 1},
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        return self._store("tasks", body)

    def user_deletes_task(self, namespace: str, name: str) -> None:
        self._drop("tasks", self._find("tasks", namespace, name))

    def change_spec(self, namespace: str, name: str, **changes: Any) -> None:
        """Change fields of a task's spec, as a user does."""
        task = self._find("tasks", namespace, name)
        task["spec"] = {**task["spec"], **changes}
        task["metadata"]["generation"] += 1
        self._store("tasks", task)

    def quota(self, namespace: str) -> Json:
        """Return the ResourceQuota as its controller would report it."""
        return {
            "metadata": {"namespace": namespace, "name": "compute"},
            "spec": {"hard": {"pods": "1"}},
            "status": {"hard": {"pods": "1"}, "used": {"pods": str(int(self.is_quota_full))}},
        }

    def remove_pod(
        self, namespace: str, name: str, uid: str | None = None, grace_seconds: int = 30
    ) -> Json:
        """Ask for a Pod's deletion, as the operator, a user or the garbage collector does."""
        pod = self._find("pods", namespace, name)
        if uid not in (None, pod["metadata"]["uid"]):
            raise ApiError(
                409, "Conflict", "the UID in the precondition does not match", subject=name
            )
        ended = pod["status"]["phase"] in ("Succeeded", "Failed")
        grace = 0 if ended or "nodeName" not in pod["spec"] else grace_seconds
        if "deletionTimestamp" not in pod["metadata"]:
            asked = self._clock().replace(microsecond=0)
            stamp = datetime.fromtimestamp(asked.timestamp() + grace, UTC).isoformat()
            pod["metadata"] |= {"deletionTimestamp": stamp, "deletionGracePeriodSeconds": grace}
            return self._store_or_drop_pod(pod)
        return copy.deepcopy(pod)

    def remove_labels(self, namespace: str, name: str) -> None:
        """Remove a Pod's labels, as a user does. Watches show that as a removal of the Pod."""
        pod = self._find("pods", namespace, name)
        shown = copy.deepcopy(pod)
        pod["metadata"]["labels"] = {}
        shown["metadata"]["resourceVersion"] = self._store("pods", pod)["metadata"][
            "resourceVersion"
        ]
        self.on_event("pods", "DELETED", shown)

    def remove_finalizers(self, namespace: str, name: str) -> None:
        """Remove a Pod's finalizers, as a user does."""
        pod = self._find("pods", namespace, name)
        pod["metadata"]["finalizers"] = []
        self._store_or_drop_pod(pod)

    def set_pod_status(self, name: str, status: Json, *, node: str | None = None) -> None:
        """Report a Pod's status, as its kubelet does; `node` binds it first."""
        pod = next(p for p in self.pods.values() if p["metadata"]["name"] == name)
        pod["status"] = status
        if node:
            pod["spec"]["nodeName"] = node
        if status["phase"] in ("Succeeded", "Failed") and "deletionTimestamp" in pod["metadata"]:
            _end_grace(pod["metadata"])
        self._store_or_drop_pod(pod)

    # The rules

    def _create_pod(self, manifest: Json) -> Json:
        metadata = manifest["metadata"]
        if (metadata["namespace"], metadata["name"]) in self.pods:
            raise ApiError(409, "AlreadyExists", f"pods {metadata['name']} already exists")
        if self.is_quota_full:
            words = "exceeded quota: compute, requested: pods=1, used: pods=1, limited: pods=1"
            raise ApiError(403, "Forbidden", f'pods "{metadata["name"]}" is forbidden: {words}')
        self.created.append(metadata["name"])
        return self._store("pods", {**copy.deepcopy(manifest), "status": {"phase": "Pending"}})

    def _hold_pod(self, namespace: str, name: str, uid: str) -> Json:
        pod = self._pod(namespace, name, uid)
        if "deletionTimestamp" in pod["metadata"]:
            raise ApiError(422, "Invalid", "metadata.finalizers: no new ones on what is deleted")
        pod["metadata"]["finalizers"] = [names.TRACKING_FINALIZER]
        return self._store("pods", pod)

    def _pod(self, namespace: str, name: str, uid: str) -> Json:
        pod = self._find("pods", namespace, name)
        if pod["metadata"]["uid"] != uid:
            words = "metadata.uid: Invalid value: field is immutable"
            raise ApiError(422, "Invalid", words, subject=name)
        return pod

    def _release_pod(self, namespace: str, name: str, uid: str) -> Json:
        pod = self._pod(namespace, name, uid)
        kept = [f for f in pod["metadata"]["finalizers"] if f != names.TRACKING_FINALIZER]
        pod["metadata"]["finalizers"] = kept
        return self._store_or_drop_pod(pod)

    def _label_pod(self, namespace: str, name: str, uid: str, labels: Json) -> Json:
        pod = self._pod(namespace, name, uid)
        is_new_to_watches = names.TASK_UID_LABEL not in pod["metadata"]["labels"]
        pod["metadata"]["labels"] |= labels
        return self._store("pods", pod, "ADDED" if is_new_to_watches else "MODIFIED")

    def _delete_task(self, namespace: str, name: str, uid: str, version: str) -> Json:
        task = self._find("tasks", namespace, name)
        if task["metadata"]["uid"] != uid:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match")
        if task["metadata"]["resourceVersion"] != version:
            raise ApiError(409, "Conflict", "the ResourceVersion in the precondition differs")
        return self._drop("tasks", task)

    def _patch_status(self, namespace: str, name: str, version: str, changes: Json) -> Json:
        task = self._find("tasks", namespace, name)
        if task["metadata"]["resourceVersion"] != version:
            raise ApiError(409, "Conflict", "the object has been modified")
        merged = {**task["status"], **copy.deepcopy(changes)}
        status = {key: value for key, value in merged.items() if value is not None}
        if status == task["status"]:
            return copy.deepcopy(task)
        task["status"] = status
        return self._store("tasks", task)

    def _store_or_drop_pod(self, pod: Json) -> Json:
        metadata = pod["metadata"]
        if (
            "deletionTimestamp" in metadata
            and not metadata["finalizers"]
            and not metadata["deletionGracePeriodSeconds"]
        ):
            return self._drop("pods", pod)
        return self._store("pods", pod)

    def _objects(self, kind: str) -> dict[tuple[str, str], Json]:
        return self.tasks if kind == "tasks" else self.pods

    def _find(self, kind: str, namespace: str, name: str, *, lost: bool = False) -> Json:
        objects = {} if lost else self._objects(kind)
        if (namespace, name) not in objects:
            plural = "pods" if kind == "pods" else names.PLURAL
            raise ApiError(404, "NotFound", f"{name} not found", kind=plural, subject=name)
        return objects[namespace, name]

    def _store(self, kind: str, body: Json, event: str = "MODIFIED") -> Json:
        metadata = body["metadata"]
        event = event if "uid" in metadata else "ADDED"
        metadata.setdefault("uid", f"{next(self._uids):08x}-{kind}")
        metadata.setdefault("creationTimestamp", self._clock().isoformat())
        metadata["resourceVersion"] = str(next(self._versions))
        self._objects(kind)[metadata["namespace"], metadata["name"]] = body
        if kind == "tasks" or names.TASK_UID_LABEL in metadata.get("labels", {}):
            self.on_event(kind, event, copy.deepcopy(body))
        return copy.deepcopy(body)

    def _drop(self, kind: str, body: Json) -> Json:
        """Remove the object. Watches show a new resourceVersion, the answer has the old one."""
        metadata = body["metadata"]
        del self._objects(kind)[metadata["namespace"], metadata["name"]]
        shown = copy.deepcopy(body)
        shown["metadata"]["resourceVersion"] = str(next(self._versions))
        if kind == "tasks" or names.TASK_UID_LABEL in metadata.get("labels", {}):
            self.on_event(kind, "DELETED", shown)
        return copy.deepcopy(body)

    def _write(self, write: Callable[[], Json]) -> Json:
        fault, self.fault = self.fault, None
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        answer = write()
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.ANSWER_LOST:
            raise Unreachable("the answer was lost")
        return answer


def _end_grace(metadata: Json) -> None:
    """Set the grace period to zero, as the kubelet's final deletion does."""
    ends = datetime.fromisoformat(metadata["deletionTimestamp"]).timestamp()
    asked = datetime.fromtimestamp(ends - metadata["deletionGracePeriodSeconds"], UTC)
    metadata |= {"deletionTimestamp": asked.isoformat(), "deletionGracePeriodSeconds": 0}
