"""The entries of the store: found by their keys, and asked about as a whole."""

import json
from collections.abc import Iterator
from typing import Any

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.lifecycle.observed import Observed, Owner, Task
from mltask_operator.runtime.entry import Entry


class Entries:
    """What is known of each task, by its key.

    A task's key is its uid. A Pod may claim the uid of another namespace's task: such claims have
    keys of their own, so that nothing in one namespace touches a task in another.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def observe(self, key: str) -> Observed | None:
        """Return what is known of the task of this key, or None where nothing is."""
        entry = self._entries.get(key)
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

    def owner(self, key: str) -> Owner | None:
        """Return the namespace, name and uid of the task of this key, if the key is known."""
        entry = self._entries.get(key)
        return entry.owner if entry else None

    def spec(self, key: str) -> dict[str, Any] | None:
        """Return the task's whole spec, or None where it is not kept: then read the task again."""
        entry = self._entries.get(key)
        return json.loads(entry.spec) if entry and entry.spec else None

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks that exist, as far as is known."""
        return (entry.task for entry in self._entries.values() if entry.task is not None)

    def unsettled(self) -> list[str]:
        """Return the keys of the tasks for which something remains, or will remain, to be done."""
        return [key for key, entry in self._entries.items() if not entry.is_settled]

    def unfinished(self) -> list[Owner]:
        """Return the tasks that are not known to be finished or gone."""
        return [entry.owner for entry in self._entries.values() if entry.is_unfinished]

    def waiting_for_quota(self) -> list[Task]:
        """Return the tasks that have no Pod and wait for quota, according to their status."""
        return [
            entry.task
            for entry in self._entries.values()
            if entry.task is not None
            and not entry.pods
            and entry.task.status.phase is Phase.PENDING
            and entry.task.status.reason == Reason.QUOTA_EXCEEDED
        ]

    def doubt_unlisted(self, uids: frozenset[str]) -> None:
        """Forget the state of the unfinished tasks that a listing of open tasks didn't show.

        They have finished or are gone: each is read by its name before anything is done for it.
        """
        for key, entry in self._entries.items():
            if entry.is_unfinished and key not in uids:
                entry.task = None

    def _entry_of(self, owner: Owner) -> Entry:
        """Return the entry of the task of this uid, which exists under this name."""
        entry = self._entries.setdefault(owner.uid, Entry(owner))
        if entry.owner.namespace != owner.namespace:
            # Pods of another namespace claimed this uid before the task was known.
            self._entries[_foreign(entry.owner)] = entry
            known = self._entries.pop(_foreign(owner), None)
            entry = self._entries[owner.uid] = known or Entry(owner)
        if entry.owner != owner:
            # A Pod gave another name, and the API server knew no such task.
            entry.owner, entry.is_task_gone = owner, False
            entry.unshown.pop(owner.uid, None)
        return entry

    def _key(self, owner: Owner) -> str:
        known = self._entries.get(owner.uid)
        if known is None or known.owner.namespace == owner.namespace:
            return owner.uid
        return _foreign(owner)

    def _forget_if_void(self, key: str, entry: Entry) -> bool:
        if entry.is_void:
            del self._entries[key]
            return True
        return False


def _foreign(owner: Owner) -> str:
    """Return the key of a task whose uid is that of another namespace's task."""
    return f"{owner.namespace}/{owner.uid}"
