"""Reads of the API server: where the store begins, and what it is held against later."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.api.status import Phase
from mltask_operator.kube import parse
from mltask_operator.kube.api import pods_path, tasks_path
from mltask_operator.kube.errors import ApiError
from mltask_operator.lifecycle.observed import Owner
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Listing, Store

Record = Callable[[dict[str, Any]], str | None]

UNFINISHED = f"status.phase!={Phase.SUCCEEDED},status.phase!={Phase.FAILED}"


async def list_all(api: Server, store: Store, namespaces: Sequence[str | None]) -> list[str]:
    """Make the store agree with the API server, of the moment or later.

    `namespaces` holds a None for all of them. Return the uids of the tasks of which there is news.
    Raise ApiError or Unreachable where a listing fails; what was listed until then is recorded.
    """
    # Pods before tasks: each Pod that the first listing shows then has its task in the second,
    # or that task is gone.
    pods, of_pods = await _list_pods(api, store, namespaces)
    paths = [tasks_path(n) for n in namespaces]
    tasks, of_tasks = await _list(api, paths, store.record_task)
    return [*dict.fromkeys([*of_pods, *of_tasks, *store.retain(pods, tasks)])]


async def catch_up(api: Server, store: Store, namespaces: Sequence[str | None]) -> None:
    """Learn what may have to be acted on, whatever a watch has yet to show: Pods and open tasks.

    It is for an operator that takes over: what the one before it wrote last, the watches may show
    late. A task whose outcome is not known would be run again, and beside a Pod that is not known
    the next attempt would be made. Tasks that are known to be finished stay so and are not read.
    Raise ApiError or Unreachable where that fails.
    """
    await _list_pods(api, store, namespaces)
    record = functools.partial(store.record_task, is_certain=True)
    tasks, _ = await _list_open(api, record, namespaces)
    store.note_open_tasks(tasks.version)
    for owner in store.unfinished():
        if owner.uid not in tasks.uids:
            await read_task(api, store, owner)


async def read_open(api: Server, store: Store, namespaces: Sequence[str | None]) -> list[str]:
    """Record the tasks that are not finished; return the uids of those of which that is news.

    Raise ApiError or Unreachable where that fails.
    """
    _, news = await _list_open(api, store.record_task, namespaces)
    return news


async def read_task(api: Server, store: Store, owner: Owner) -> None:
    """Record how this task is at this moment, or that it is gone. Raise as `Server` does."""
    try:
        body = await api.get_task(owner.namespace, owner.name)
    except ApiError as error:
        # A 404 may also speak of the CRD, or be a proxy's.
        if error.code != 404 or error.subject != owner.name:
            raise
        store.record_task_gone(owner.uid)
        return
    if body["metadata"]["uid"] == owner.uid:
        store.record_task(body, is_certain=True)
    else:
        store.record_task_gone(owner.uid)


async def _list_pods(
    api: Server, store: Store, namespaces: Sequence[str | None]
) -> tuple[Listing, list[str]]:
    paths = [pods_path(n) for n in namespaces]
    return await _list(api, paths, store.record_pod, label_selector=names.TASK_UID_LABEL)


async def _list_open(
    api: Server, record: Record, namespaces: Sequence[str | None]
) -> tuple[Listing, list[str]]:
    paths = [tasks_path(n) for n in namespaces]
    return await _list(api, paths, record, field_selector=UNFINISHED)


async def _list(
    api: Server,
    paths: Sequence[str],
    record: Record,
    **selectors: str,
) -> tuple[Listing, list[str]]:
    """Record all that is listed; return the listing, and the tasks' uids of which it has news."""
    uids: set[str] = set()
    news: list[str] = []
    versions = []
    for path in paths:
        async for page in api.pages(path, **selectors):
            versions.append(parse.version_of(page))
            for body in page["items"]:
                uids.add(body["metadata"]["uid"])
                if uid := record(body):
                    news.append(uid)
    # The oldest of the namespaces' versions: of what is newer, absence says nothing.
    return Listing(frozenset(uids), min(versions)), news
