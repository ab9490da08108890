"""Release Pods in a cluster that has no operator, or no MLTasks, any longer."""

import logging
from collections.abc import Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.kube import paths
from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.server import Server

logger = logging.getLogger(__name__)


async def let_go_of_pods(
    api: Server, namespaces: Sequence[str | None], *, only_deleted: bool = False
) -> int:
    """Remove the tracking finalizer from all Pods that are labelled as a task's; return how many.

    Without an operator nothing else would remove it, and the deletion of the Pod, or of its
    namespace, would never end. `namespaces` holds None for all namespaces. `only_deleted` skips
    the Pods that nobody has deleted. Raise ApiError or Unreachable where a request fails; Pods
    that were released before stay released.
    """
    count = 0
    for namespace in namespaces:
        held: list[tuple[str, str, str]] = []

        def note(body: dict[str, Any], held: list[tuple[str, str, str]] = held) -> None:
            metadata = body["metadata"]
            is_deleted = "deletionTimestamp" in metadata
            if names.TRACKING_FINALIZER in metadata["finalizers"] and (
                is_deleted or not only_deleted
            ):
                held.append((metadata["namespace"], metadata["name"], metadata["uid"]))

        await api.list(paths.pods(namespace), note, label_selector=names.TASK_UID_LABEL)
        for where, name, uid in held:
            count += await _release(api, where, name, uid)
    return count


async def _release(api: Server, namespace: str, name: str, uid: str) -> int:
    try:
        await api.release_pod(namespace, name, uid)
    except ApiError as error:
        if not error.says_pod_is_gone(name):
            raise
        return 0
    extra = {"namespace": namespace, "pod": name}
    logger.info("removed the tracking finalizer from Pod %s/%s", namespace, name, extra=extra)
    return 1
