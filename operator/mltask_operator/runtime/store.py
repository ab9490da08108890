"""The newest known state of each task and its Pods, whoever told of it.

Watches lag behind, so the answer to each write of ours is recorded too, and whatever is older
than what is known is ignored. That is what keeps a stale read from running a task twice: no watch
event can bring back the past, neither an older state nor an object that was gone already.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.kube import parse
from mltask_operator.lifecycle.observed import (
    Observed,
    Owner,
    Refusal,
    Task,
)
from mltask_operator.runtime.entry import Entry
from mltask_operator.runtime.past import Past

logger = logging.getLogger(__name__)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a complete, consistent listing held, and the resourceVersion that it is of."""

    uids: frozenset[str]
    version: int


class Store:
    """Everything known, by task uid. Not thread-safe: it belongs to one event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._round = 0
        """How many complete listings were compared with the store."""
        self._past = Past(clock)

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
            reported_at=entry.reported_at,
        )

    def record_task(self, body: Body, *, is_certain: bool = False) -> str | None:
        """Note the state of an MLTask. Return its uid, or None where it is not news.

        Of a task that is not known, and neither new nor finished, only that there may be one is
        noted, unless `is_certain` says that this is how it was a moment ago: a listing under way
        or one that lags, and the watch after it, may tell of what is gone.
        """
        metadata = body["metadata"]
        uid: str = metadata["uid"]
        known = self._entries.get(uid)
        is_unknown = known is None or known.task is None
        if is_unknown and self._past.has_gone(uid):
            return None
        is_doubtful = is_unknown and not is_certain
        if is_doubtful and self._past.holds(body):
            return None
        owner = Owner(namespace=metadata["namespace"], name=metadata["name"], uid=uid)
        entry = self._entry_of(owner)
        if entry.is_task_gone:
            return None
        if entry.task and parse.version_of(body) <= int(entry.task.resource_version):
            return None
        if is_doubtful and self._past.may_hold(body):
            return uid
        entry.task = parse.task_from(body)
        if entry.task.status.phase is Phase.SUSPENDED:
            # It has left the queue for quota, and was not told what was released meanwhile.
            entry.refusal = None
        if not entry.task.is_understood:
            logger.warning(
                "%s/%s: left alone, since a later version of the operator wrote its status",
                entry.owner.namespace,
                entry.owner.name,
            )
        return uid

    def _entry_of(self, owner: Owner) -> Entry:
        """Return the entry of the task of this uid, which is to be found under this name."""
        entry = self._entries.setdefault(owner.uid, Entry(owner))
        # What a Pod said of its owner was only what somebody wrote into it; and under a name that
        # was made up, the API server knew no such task.
        if entry.owner != owner:
            entry.owner, entry.is_task_gone = owner, False
            entry.unshown.pop(owner.uid, None)
        for pod in list(entry.pods.values()):
            if pod.namespace != owner.namespace:
                del entry.pods[pod.uid]
        return entry

    def note_watched(self, uid: str) -> bool:
        """Note that a watch has told of this MLTask; return whether one had done so before."""
        entry = self._entries.get(uid)
        if entry is None:
            return False
        had, entry.is_watched = entry.is_watched, True
        return had

    def note_open_tasks(self, version: int) -> None:
        """Note that all tasks that were not finished at this resourceVersion are recorded.

        What else there was then was finished or gone, whatever a late watch event says of it.
        """
        self._past.note_open_tasks(version)

    def record_report(self, body: Body) -> None:
        """Note the MLTask as a status write of ours has left it."""
        self.record_task(body, is_certain=True)
        if entry := self._entries.get(body["metadata"]["uid"]):
            entry.reported_at = self._clock()

    def record_task_gone(self, uid: str) -> None:
        """Note that the API server answered that the MLTask of this uid does not exist."""
        entry = self._entries.get(uid)
        # The watch may have been quicker than the answer: it will not show that a second time.
        if entry and not entry.is_task_gone:
            entry.task, entry.is_task_gone = None, True
            entry.unshown[uid] = self._round

    def record_task_removed(self, uid: str) -> str | None:
        """Note that a watch showed an MLTask's removal. Return its uid, or None if unknown."""
        entry = self._entries.get(uid)
        if entry is None:
            return None
        entry.task, entry.is_task_gone = None, True
        entry.unshown.pop(uid, None)
        self._past.note_gone(uid)
        return None if self._forget_if_void(uid, entry) else uid

    def record_pod(self, body: Body) -> str | None:
        """Note the state of a Pod. Return its task's uid, or None if it is no news or not ours."""
        owner = parse.owner_from(body)
        if owner is None:
            return None
        pod_uid = body["metadata"]["uid"]
        entry = self._entries.setdefault(owner.uid, Entry(owner))
        known = entry.pods.get(pod_uid)
        if pod_uid in entry.unshown or entry.owner.namespace != owner.namespace:
            return None
        if known and parse.version_of(body) <= int(known.resource_version):
            return None
        pod = parse.pod_from(body, owner)
        if known and (known.was_told_to_end or (known.is_being_deleted and not known.has_ended)):
            pod = replace(pod, was_told_to_end=True)
        entry.pods[pod_uid] = pod
        if pod.is_genuine:
            entry.refusal = None
            if known is None or entry.standing != pod.standing:
                entry.standing, entry.changed_at = pod.standing, self._clock()
        return owner.uid

    def record_pod_written(self, body: Body) -> None:
        """Note the Pod as a write of ours has left it, or that it has gone with that write.

        The write that removes an object gives it no new version. In a watch the same state is one
        that somebody else's deletion passes through, and the Pod still holds its place.
        """
        if parse.is_removed(body) and (owner := parse.owner_from(body)):
            self.record_pod_missing(owner.uid, body["metadata"]["uid"])
        else:
            self.record_pod(body)

    def record_pod_removed(self, body: Body) -> str | None:
        """Note that a watch showed a Pod's removal. Return its task's uid, or None if unknown."""
        owner = parse.owner_from(body)
        entry = self._entries.get(owner.uid) if owner else None
        if owner is None or entry is None:
            return None
        pod_uid = body["metadata"]["uid"]
        entry.pods.pop(pod_uid, None)
        entry.unshown.pop(pod_uid, None)
        return None if self._forget_if_void(owner.uid, entry) else owner.uid

    def record_pod_missing(self, uid: str, pod_uid: str) -> None:
        """Note that the API server knows no Pod of this uid (any more) of the task `uid`."""
        entry = self._entries.get(uid)
        # The watch may have been quicker, here too.
        if entry and entry.pods.pop(pod_uid, None):
            entry.unshown[pod_uid] = self._round

    def record_refusal(self, uid: str, refusal: Refusal) -> None:
        """Note the API server's last answer to the creation of the task's next Pod."""
        if entry := self._entries.get(uid):
            before = entry.refusal.count if entry.refusal else 0
            entry.refusal = replace(refusal, count=before + 1)

    def forget_refusal(self, uid: str) -> None:
        """Note that the next answer may be another: what refused the Pod has changed."""
        if entry := self._entries.get(uid):
            entry.refusal = None

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks that exist, as far as is known."""
        return (entry.task for entry in self._entries.values() if entry.task is not None)

    def unsettled(self) -> list[str]:
        """Return the uids of the tasks for which there is something to do, or will be."""
        return [uid for uid, entry in self._entries.items() if not entry.is_settled]

    def unfinished(self) -> list[Owner]:
        """Return the tasks that are not known to be finished or gone."""
        return [
            entry.owner
            for entry in self._entries.values()
            if not entry.is_task_gone and (entry.task is None or not entry.task.status.is_finished)
        ]

    def waiting_for_quota(self) -> list[Task]:
        """Return the tasks that have no Pod and whose status says that they wait for quota."""
        return [
            entry.task
            for entry in self._entries.values()
            if entry.task is not None
            and not entry.pods
            and entry.task.status.phase is Phase.PENDING
            and entry.task.status.reason == Reason.QUOTA_EXCEEDED
        ]

    def retain(self, pods: Listing, tasks: Listing) -> list[str]:
        """Drop what complete listings did not show, of Pods first and then of tasks.

        A watch that had to begin anew never tells what went in the gap. Return the uids of the
        tasks of which something was dropped. What a watch has not shown to be gone since the
        listing before this one, it never will.
        """
        changed = []
        for uid, entry in list(self._entries.items()):
            if entry.is_void:
                continue  # It is about to be asked for by name.
            before = (entry.is_task_gone, len(entry.pods))
            entry.unshown = {u: r for u, r in entry.unshown.items() if r == self._round}
            for pod in list(entry.pods.values()):
                if pod.uid not in pods.uids and int(pod.resource_version) <= pods.version:
                    del entry.pods[pod.uid]
                    entry.unshown[pod.uid] = self._round + 1
            # A task that was never seen may be younger than the listing: it is asked for by name.
            if (
                entry.task is not None
                and uid not in tasks.uids
                and int(entry.task.resource_version) <= tasks.version
            ):
                entry.task, entry.is_task_gone = None, True
                entry.unshown[uid] = self._round + 1
                self._past.note_gone(uid)
            if not self._forget_if_void(uid, entry) and before != (
                entry.is_task_gone,
                len(entry.pods),
            ):
                changed.append(uid)
        self._round += 1
        self.note_open_tasks(tasks.version)
        return changed

    def _forget_if_void(self, uid: str, entry: Entry) -> bool:
        if entry.is_void:
            del self._entries[uid]
            return True
        return False
