"""Complete listings: where the store begins, and what it is held against from time to time."""

from collections.abc import Callable, Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.kube import parse
from mltask_operator.kube.api import pods_path, tasks_path
from mltask_operator.runtime.server import Server
from mltask_operator.runtime.store import Listing, Store


async def list_all(api: Server, store: Store, namespaces: Sequence[str | None]) -> list[str]:
    """Make the store agree with the API server, of the moment or later.

    `namespaces` holds a None for all of them. Return the uids of the tasks of which there is news.
    Raise ApiError or Unreachable where a listing fails; what was listed until then is recorded.
    """
    news: list[str] = []
    # Pods before tasks: each Pod that the first listing shows then has its task in the second,
    # or that task is gone.
    pods = await _list(
        api, [pods_path(n) for n in namespaces], names.TASK_UID_LABEL, store.record_pod, news
    )
    tasks = await _list(api, [tasks_path(n) for n in namespaces], "", store.record_task, news)
    return [*dict.fromkeys([*news, *store.retain(pods, tasks)])]


async def _list(
    api: Server,
    paths: Sequence[str],
    label_selector: str,
    record: Callable[[dict[str, Any]], str | None],
    news: list[str],
) -> Listing:
    uids: set[str] = set()
    versions = []
    for path in paths:
        async for page in api.pages(path, label_selector):
            versions.append(parse.version_of(page))
            for body in page["items"]:
                uids.add(body["metadata"]["uid"])
                if uid := record(body):
                    news.append(uid)
    # The oldest of the namespaces' versions: of what is newer, absence says nothing.
    return Listing(frozenset(uids), min(versions))
