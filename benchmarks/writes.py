"""What was asked of the API server, counted from its audit log.

`since` is the size that the log had before the first request that is to count.
"""

import time
from collections import Counter
from typing import NamedTuple

from localcluster import Cluster

WRITES = ("create", "update", "patch", "delete", "deletecollection")
READS = ("get", "list")
OF_EVERY_NAMESPACE = ("configmaps", "serviceaccounts")
"""What Kubernetes puts into a new namespace."""


class Write(NamedTuple):
    """Who wrote, and what: `resource` has the subresource behind a slash, if there is one."""

    user: str
    verb: str
    resource: str

    def is_new(self, resource: str) -> bool:
        """Whether it created an object of this resource."""
        return (self.verb, self.resource) == ("create", resource)


def settled(cluster: Cluster, namespace: str, since: int = 0) -> Counter[Write]:
    """Count the writes in a namespace, refused ones too, once no more come."""
    before, now = Counter[Write](), so_far(cluster, namespace, since)
    while now != before:
        time.sleep(2)
        before, now = now, so_far(cluster, namespace, since)
    return now


def so_far(cluster: Cluster, namespace: str, since: int = 0) -> Counter[Write]:
    """Count the writes in a namespace, refused ones too, that are in the log by now."""
    counts = Counter[Write]()
    for event in cluster.audit_log.events(since):
        target = event.get("objectRef", {})
        if event["verb"] in WRITES and target.get("namespace") == namespace:
            resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            if resource not in OF_EVERY_NAMESPACE:
                counts[Write(event["user"]["username"], event["verb"], resource)] += 1
    return counts


def reads_so_far(cluster: Cluster, since: int) -> Counter[str]:
    """Count, by user, what was read anywhere, watches aside, that is in the log by now."""
    events = cluster.audit_log.events(since)
    return Counter(event["user"]["username"] for event in events if event["verb"] in READS)
