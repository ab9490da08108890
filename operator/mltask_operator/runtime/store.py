"""The newest known state of each task and its Pods, whoever told of it.

Watches lag behind, so the answer to each write of ours is recorded too, and whatever is older
than what is known is ignored. That is what keeps a stale read from running a task twice: between
an outcome and its Pod's removal, no watch event can bring the past back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mltask_operator.kube import parse
from mltask_operator.lifecycle.observed import (
    Observed,
    Owner,
    Pod,
    PodPhase,
    Refusal,
    Task,
)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a complete, consistent listing held, and the resourceVersion that it is of."""

    uids: frozenset[str]
    version: int


@dataclass(slots=True)
class _Entry:
    owner: Owner
    task: Task | None = None
    is_task_gone: bool = False
    pods: dict[str, Pod] = field(default_factory=dict)
    removed_pods: set[str] = field(default_factory=set)
    """Uids of Pods that a write of ours removed, until the watch has shown it too: an event from
    before the removal may still come, and must not bring the Pod back."""
    refusal: Refusal | None = None
    phase: PodPhase | None = None
    changed_at: datetime | None = None

    @property
    def is_void(self) -> bool:
        return self.is_task_gone and not self.pods and not self.removed_pods


class Store:
    """Everything known, by task uid. Not thread-safe: it belongs to one event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def observe(self, uid: str) -> Observed | None:
        """Return what is known of the task of this uid, or None where nothing is."""
        entry = self._entries.get(uid)
        if entry is None:
            return None
        return Observed(
            owner=entry.owner,
            task=entry.task,
            is_task_gone=entry.is_task_gone,
            pods=tuple(sorted(entry.pods.values(), key=lambda pod: pod.attempt)),
            refusal=entry.refusal,
            changed_at=entry.changed_at,
        )

    def record_task(self, body: Body) -> str | None:
        """Note the state of an MLTask. Return its uid, or None where it is not news."""
        metadata = body["metadata"]
        uid: str = metadata["uid"]
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(
                Owner(namespace=metadata["namespace"], name=metadata["name"], uid=uid)
            )
        if entry.is_task_gone:
            return None
        if entry.task and parse.version_of(body) <= int(entry.task.resource_version):
            return None
        entry.task = parse.task_from(body)
        return uid

    def record_task_gone(self, uid: str) -> str | None:
        """Note that the MLTask of this uid does not exist. Return its uid if Pods remain."""
        entry = self._entries.get(uid)
        if entry is None:
            return None
        entry.task, entry.is_task_gone = None, True
        return None if self._forget_if_void(uid, entry) else uid

    def record_pod(self, body: Body) -> str | None:
        """Note the state of a Pod. Return its task's uid, or None where it is no news or not ours."""
        owner = parse.owner_from(body)
        if owner is None:
            return None
        pod_uid = body["metadata"]["uid"]
        entry = self._entries.setdefault(owner.uid, _Entry(owner))
        known = entry.pods.get(pod_uid)
        if pod_uid in entry.removed_pods:
            return None
        if known and parse.version_of(body) <= int(known.resource_version):
            return None
        if parse.is_removed(body):
            self.record_pod_missing(owner.uid, pod_uid)
            return owner.uid
        pod = parse.pod_from(body)
        entry.pods[pod_uid] = pod
        entry.refusal = None
        if known is None or entry.phase is not pod.phase:
            entry.phase, entry.changed_at = pod.phase, self._clock()
        return owner.uid

    def record_pod_removed(self, body: Body) -> str | None:
        """Note that a watch showed a Pod's removal. Return its task's uid, or None if unknown."""
        owner = parse.owner_from(body)
        entry = self._entries.get(owner.uid) if owner else None
        if owner is None or entry is None:
            return None
        pod_uid = body["metadata"]["uid"]
        entry.pods.pop(pod_uid, None)
        entry.removed_pods.discard(pod_uid)
        return None if self._forget_if_void(owner.uid, entry) else owner.uid

    def record_pod_missing(self, uid: str, pod_uid: str) -> None:
        """Note that the API server knows no Pod of this uid (any more) of the task `uid`."""
        if entry := self._entries.get(uid):
            entry.pods.pop(pod_uid, None)
            entry.removed_pods.add(pod_uid)

    def record_refusal(self, uid: str, refusal: Refusal) -> None:
        """Note the API server's last answer to the creation of the task's next Pod."""
        if entry := self._entries.get(uid):
            before = entry.refusal.count if entry.refusal else 0
            entry.refusal = replace(refusal, count=before + 1)

    def retain(self, pods: Listing, tasks: Listing) -> list[str]:
        """Drop what complete listings did not show, of Pods first and then of tasks.

        A watch that had to begin anew never tells what went in the gap. Return the uids of the
        tasks of which something was dropped.
        """
        changed = []
        for uid, entry in list(self._entries.items()):
            before = (entry.is_task_gone, len(entry.pods))
            entry.removed_pods &= pods.uids
            entry.pods = {
                pod.uid: pod
                for pod in entry.pods.values()
                if pod.uid in pods.uids or int(pod.resource_version) > pods.version
            }
            if uid not in tasks.uids and (
                entry.task is None or int(entry.task.resource_version) <= tasks.version
            ):
                entry.task, entry.is_task_gone = None, True
            if not self._forget_if_void(uid, entry) and before != (
                entry.is_task_gone,
                len(entry.pods),
            ):
                changed.append(uid)
        return changed

    def _forget_if_void(self, uid: str, entry: _Entry) -> bool:
        if entry.is_void:
            del self._entries[uid]
            return True
        return False
