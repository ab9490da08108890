"""The newest known state of each task and its Pods, from any source.

Watches lag, so the store also records the answer to each write, and ignores whatever is older than
what it knows. That keeps a stale read from running a task twice: no watch event can bring back an
older state, nor an object that is gone.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from mltask_operator.api.status import Phase
from mltask_operator.escaping import escape
from mltask_operator.kube import parse
from mltask_operator.kube.errors import Unreadable
from mltask_operator.kube.slim import OMITTED
from mltask_operator.lifecycle.observed import Owner, Refusal
from mltask_operator.runtime.entries import Entries
from mltask_operator.runtime.entry import Entry, Listing
from mltask_operator.runtime.past import Past

logger = logging.getLogger(__name__)

Body = dict[str, Any]


class Store(Entries):
    """Everything known, by the tasks' keys. Not thread-safe: it belongs to one event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._relist = 0
        """How many complete listings were compared with the store."""
        self._past = Past(clock)
        self.verifies_removals = False
        """Whether a Pod that a watch or listing lacks is read by its name before it counts as gone,
        unless the operator released it. Someone may have removed the label that these select on.
        The leader does this; a standby records what its watches show."""

    def record_task(self, body: Body, *, is_certain: bool = False) -> str | None:
        """Record the state of an MLTask. Return its key, or None where it is no news.

        For an unknown task that is neither new nor finished, record only that it may exist, unless
        `is_certain` says that the state was read a moment ago: a listing under way or a lagging
        watch may show tasks that are gone. Raise Unreadable where a later version may have written
        the object; such a task is unknown, and is read again.
        """
        metadata = body["metadata"]
        owner = Owner(namespace=metadata["namespace"], name=metadata["name"], uid=metadata["uid"])
        uid = owner.uid
        known = self._entries.get(uid)
        is_unknown = known is None or known.task is None
        if is_unknown and self._past.has_gone(uid):
            return None
        is_doubtful = is_unknown and not is_certain
        if is_doubtful and self._past.holds(body):
            return None
        entry = self._entry_of(owner)
        if entry.is_task_gone:
            return None
        if entry.task and parse.version_of(body) <= int(entry.task.resource_version):
            return None
        if is_doubtful and self._past.may_hold(body):
            return uid
        self._set_task(entry, body)
        return uid

    def _set_task(self, entry: Entry, body: Body) -> None:
        before, entry.task = entry.task, None
        try:
            entry.task = task = parse.task_from(body)
        except Exception as error:  # whatever is wrong with it, the others go on
            why = f"{type(error).__name__}: {error}"
            raise Unreadable(f"the MLTask cannot be read: {why}") from error
        if task.status.is_finished or body.get(OMITTED):
            entry.spec = None
        elif entry.spec is None or before is None or before.generation != task.generation:
            entry.spec = json.dumps(body.get("spec"), separators=(",", ":")).encode()
        if task.status.phase is Phase.SUSPENDED:
            # It has left the queue for quota, and was not told what was released meanwhile.
            entry.refusal = None
        if task.unknown is not None and (before is None or before.unknown != task.unknown):
            logger.warning(
                "%s/%s: left alone: a later version of the operator wrote it: %s",
                task.namespace,
                task.name,
                escape(task.unknown[:300]),
                extra={"namespace": task.namespace, "task": task.name},
            )

    def note_open_tasks(self, version: int) -> None:
        """Note that all tasks that were not finished at this resourceVersion are recorded.

        Any other task was finished or gone then, whatever a late watch event says.
        """
        self._past.note_open_tasks(version)

    def record_report(self, body: Body) -> None:
        """Record the MLTask as the operator's own write to its status has left it."""
        self.record_task(body, is_certain=True)
        if entry := self._entries.get(body["metadata"]["uid"]):
            entry.reported_at = self._clock()

    def record_task_gone(self, owner: Owner) -> None:
        """Record that the API server answered that this MLTask does not exist."""
        entry = self._entries.get(self._key(owner))
        # The watch may have been quicker than the answer: it will not show that a second time.
        if entry and not entry.is_task_gone:
            entry.drop_task()
            entry.unshown[owner.uid] = self._relist

    def record_task_removed(self, uid: str) -> str | None:
        """Record that a watch showed an MLTask's removal. Return its key, or None if unknown."""
        entry = self._entries.get(uid)
        if entry is None:
            return None
        entry.drop_task()
        entry.unshown.pop(uid, None)
        self._past.note_gone(uid)
        return None if self._forget_if_void(uid, entry) else uid

    def record_pod(self, body: Body, *, is_certain: bool = False) -> str | None:
        """Record the state of a Pod. Return its task's key, or None if not news or not ours.

        `is_certain` says that the Pod was read by its name a moment ago. So it exists, whatever was
        recorded before, and the key is returned even if nothing is new.
        """
        owner = parse.owner_from(body)
        if owner is None:
            return None
        pod_uid, key = body["metadata"]["uid"], self._key(owner)
        entry = self._entries.setdefault(key, Entry(owner, is_task_gone=owner.is_nobody))
        known = entry.pods.get(pod_uid)
        if is_certain:
            entry.unshown.pop(pod_uid, None)
        if pod_uid in entry.unshown:
            return None
        is_newer = known is None or parse.version_of(body) > int(known.resource_version)
        if known and not is_newer and not (is_certain and known.is_doubtful):
            return key if is_certain else None
        pod = parse.pod_from(body, owner)
        if known and (known.was_told_to_end or (known.is_being_deleted and not known.has_ended)):
            pod = replace(pod, was_told_to_end=True)
        entry.pods[pod_uid] = pod
        if pod.is_genuine:
            entry.refusal = None
            if known is None or entry.standing != pod.standing:
                entry.standing, entry.changed_at = pod.standing, self._clock()
        return key

    def record_pod_written(self, body: Body) -> None:
        """Record the Pod as a write has left it, or that it has gone with that write.

        The write that removes an object gives it no new version. In a watch, an object may pass
        through the same state after another client's deletion, and the Pod still exists.
        """
        if parse.is_removed(body) and (owner := parse.owner_from(body)):
            self.record_pod_missing(owner, body["metadata"]["uid"])
        else:
            self.record_pod(body)

    def record_pod_removed(self, body: Body) -> str | None:
        """Record that a watch showed a Pod's removal. Return its task's key, or None if unknown.

        It shows the same when the Pod loses the label that the watch selects on.
        """
        owner = parse.owner_from(body)
        if owner is None:
            return None
        key = self._key(owner)
        entry = self._entries.get(key)
        if entry is None:
            return None
        pod_uid = body["metadata"]["uid"]
        if self.verifies_removals and entry.doubt_pod(pod_uid, is_shown=True):
            return key
        entry.pods.pop(pod_uid, None)
        entry.unshown.pop(pod_uid, None)
        return None if self._forget_if_void(key, entry) else key

    def record_pod_missing(self, owner: Owner, pod_uid: str) -> None:
        """Record that the API server knows no Pod of this uid of this task."""
        key = self._key(owner)
        entry = self._entries.get(key)
        # The watch may have been quicker, here too.
        if entry is None or (pod := entry.pods.pop(pod_uid, None)) is None:
            return
        if pod.is_removal_shown:
            self._forget_if_void(key, entry)
        else:
            entry.unshown[pod_uid] = self._relist

    def record_refusal(self, uid: str, refusal: Refusal) -> None:
        """Record the API server's last answer to the creation of the task's next Pod."""
        if entry := self._entries.get(uid):
            before = entry.refusal.count if entry.refusal else 0
            entry.refusal = replace(refusal, count=before + 1)

    def forget_refusal(self, uid: str) -> None:
        """Note that the next answer may be another: what refused the Pod has changed."""
        if entry := self._entries.get(uid):
            entry.refusal = None

    def retain(self, pods: Listing, tasks: Listing) -> list[str]:
        """Drop what complete listings did not show, of Pods first and then of tasks.

        A watch that had to begin again never shows what went in the gap. Return the keys of the
        tasks of which something was dropped. A tombstone from before the last relist is void: what
        the watch hasn't shown since then, it never will.
        """
        changed = []
        for key, entry in list(self._entries.items()):
            if entry.is_void:
                continue  # It is about to be read by its name.
            entry.unshown = {u: r for u, r in entry.unshown.items() if r == self._relist}
            has_lost_pods = entry.drop_unlisted_pods(
                pods, self._relist + 1, verify=self.verifies_removals
            )
            has_lost_task = entry.drop_unlisted_task(tasks, self._relist + 1)
            if has_lost_task:
                self._past.note_gone(key)
            is_forgotten = self._forget_if_void(key, entry)
            if not is_forgotten and (has_lost_pods or has_lost_task):
                changed.append(key)
        self._relist += 1
        self.note_open_tasks(tasks.version)
        return changed
