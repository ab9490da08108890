"""Reads from the API server that fill the store, and that check it later."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.api.status import Phase
from mltask_operator.kube import parse, paths
from mltask_operator.kube.errors import ApiError
from mltask_operator.lifecycle.observed import Owner, Pod
from mltask_operator.runtime.entry import Listing
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.set_aside import Record, SetAside
from mltask_operator.runtime.store import Store

UNFINISHED = f"status.phase!={Phase.SUCCEEDED},status.phase!={Phase.FAILED}"


class Lister:
    """Lists the Pods and tasks of some namespaces into the store."""

    def __init__(
        self, api: Server, store: Store, namespaces: Sequence[str | None], set_aside: SetAside
    ) -> None:
        """List these namespaces; None stands for all of them."""
        self._api = api
        self._store = store
        self._namespaces = namespaces
        self._set_aside = set_aside

    async def list_all(self) -> list[str]:
        """Make the store agree with the API server, as of this moment or later.

        Return the keys of the tasks of which there is news. Raise ApiError, Unreachable or
        Unreadable where a listing fails; what was listed until then is recorded.
        """
        # List Pods before MLTasks, so that every listed Pod's MLTask is in the second list, unless
        # it is gone.
        pods, of_pods = await self._list_pods()
        tasks, of_tasks = await self._list_tasks(self._store.record_task)
        return [*dict.fromkeys([*of_pods, *of_tasks, *self._store.retain(pods, tasks)])]

    async def catch_up(self) -> None:
        """Read the Pods and the open tasks, whatever a watch has yet to show.

        A new leader needs it: the watches may show late what the leader before it wrote last. Then
        it would run a finished task again, or create a Pod beside one that it doesn't know. Tasks
        that are known to be finished stay so and are not read. Raise as `list_all` does.
        """
        await self._list_pods()
        record = functools.partial(self._store.record_task, is_certain=True)
        tasks, _ = await self._list_tasks(record, field_selector=UNFINISHED)
        self._store.note_open_tasks(tasks.version)
        self._store.doubt_unlisted(tasks.uids)

    async def read_open(self) -> list[str]:
        """Record the unfinished tasks; return the keys of those of which that is news.

        Raise as `list_all` does.
        """
        _, news = await self._list_tasks(self._store.record_task, field_selector=UNFINISHED)
        return news

    async def _list_pods(self) -> tuple[Listing, list[str]]:
        record = self._set_aside.guarded("Pod", self._store.record_pod, lambda _: None)
        return await self._list(paths.pods, record, label_selector=names.TASK_UID_LABEL)

    async def _list_tasks(self, record: Record, **selectors: str) -> tuple[Listing, list[str]]:
        return await self._list(
            paths.tasks, self._set_aside.guarded(names.KIND, record, uid_of), **selectors
        )

    async def _list(
        self, path: Callable[[str | None], str], record: Record, **selectors: str
    ) -> tuple[Listing, list[str]]:
        """Record all that is listed; return the listing, and the keys of which it has news."""
        uids: set[str] = set()
        news: list[str] = []

        def take(body: dict[str, Any]) -> None:
            if uid := uid_of(body):
                uids.add(uid)
            if key := record(body):
                news.append(key)

        versions = [await self._api.list(path(n), take, **selectors) for n in self._namespaces]
        # The oldest of the namespaces' versions: absence says nothing of what is newer.
        return Listing(frozenset(uids), min(versions)), news


def uid_of(body: dict[str, Any]) -> str | None:
    """Return the object's uid, or None where it has none."""
    uid = (body.get("metadata") or {}).get("uid")
    return uid if isinstance(uid, str) else None


async def read_task(api: Server, store: Store, owner: Owner) -> None:
    """Record the current state of this task, or that it is gone. Raise as `Server` does."""
    try:
        body = await api.get_task(owner.namespace, owner.name)
    except ApiError as error:
        if not error.says_is_gone(names.PLURAL, owner.name):
            raise
        store.record_task_gone(owner)
        return
    if body["metadata"]["uid"] == owner.uid:
        store.record_task(body, is_certain=True)
    else:
        store.record_task_gone(owner)


async def read_pod(api: Server, store: Store, owner: Owner, pod: Pod) -> None:
    """Record the current state of this Pod of a task, or that it is gone. Raise as `Server` does.

    If it lost the label that the watch selects on, the label is put back.
    """
    try:
        body = await api.get_pod(pod.namespace, pod.name)
        uid = body["metadata"]["uid"]
        if uid == pod.uid and not parse.is_labelled(body):
            labels = names.pod_labels(owner.name, owner.uid, pod.attempt)
            body = await api.label_pod(pod.namespace, pod.name, uid, labels)
    except ApiError as error:
        if not error.says_pod_is_gone(pod.name):
            raise
        store.record_pod_missing(owner, pod.uid)
        return
    if uid == pod.uid:
        store.record_pod(body, is_certain=True)
    else:
        store.record_pod_missing(owner, pod.uid)
