"""What is done for the Pods of a cluster that is to have no operator, or has no tasks, any more."""

import logging
from collections.abc import Sequence

from mltask_operator.api import names
from mltask_operator.kube import parse
from mltask_operator.kube.api import pods_path
from mltask_operator.kube.errors import ApiError
from mltask_operator.lifecycle.observed import Owner
from mltask_operator.runtime.server import Server

logger = logging.getLogger(__name__)


async def let_go_of_pods(
    api: Server, namespaces: Sequence[str | None], *, only_deleted: bool = False
) -> int:
    """Take the tracking finalizer off all Pods of tasks; return off how many it was taken.

    Without an operator nobody else would, and their deletion, or that of their namespace, would
    never end. `namespaces` holds a None for all of them; `only_deleted` leaves out the Pods that
    nobody has deleted. Raise ApiError or Unreachable where a request fails; what was done until
    then stays done.
    """
    count = 0
    for namespace in namespaces:
        async for page in api.pages(pods_path(namespace), names.TASK_UID_LABEL):
            for body in page["items"]:
                owner = parse.owner_from(body)
                if owner is None:
                    continue
                pod = parse.pod_from(body, owner)
                if pod.is_held and (pod.is_being_deleted or not only_deleted):
                    count += await _let_go(api, body["metadata"], owner)
    return count


async def _let_go(api: Server, metadata: dict[str, str], owner: Owner) -> int:
    try:
        await api.release_pod(metadata["namespace"], metadata["name"], metadata["uid"])
    except ApiError as error:
        if not error.says_pod_is_gone:
            raise
        return 0
    namespace, name = metadata["namespace"], metadata["name"]
    extra = {"namespace": namespace, "task": owner.name, "pod": name}
    logger.info("removed the tracking finalizer from Pod %s/%s", namespace, name, extra=extra)
    return 1
