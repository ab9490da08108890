"""What was written to the API server, counted from its audit log."""

import time
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from localcluster import Cluster

VERBS = ("create", "update", "patch", "delete", "deletecollection")
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


def settled(cluster: Cluster, namespace: str) -> Counter[Write]:
    """Count the writes in a namespace, refused ones too, once no more come."""
    before, now = Counter[Write](), so_far(cluster, namespace)
    while now != before:
        time.sleep(2)
        before, now = now, so_far(cluster, namespace)
    return now


def reads_so_far(cluster: Cluster, users: Collection[str]) -> int:
    """Count what these users read, watches aside, anywhere, that is in the log by now."""
    return sum(
        event["verb"] in ("get", "list") and event["user"]["username"] in users
        for event in cluster.audit_events()
    )


def so_far(cluster: Cluster, namespace: str) -> Counter[Write]:
    """Count the writes in a namespace, refused ones too, that are in the log by now."""
    counts = Counter[Write]()
    for event in cluster.audit_events():
        target = event.get("objectRef", {})
        if event["verb"] in VERBS and target.get("namespace") == namespace:
            resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            if resource not in OF_EVERY_NAMESPACE:
                counts[Write(event["user"]["username"], event["verb"], resource)] += 1
    return counts
