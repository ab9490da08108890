"""Deletions of Pods, as the API server records them in metadata."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mltask_operator.kube.times import bounded_seconds, optional_time, time_from

Json = Mapping[str, Any]


def deletion_asked_at(metadata: Json) -> datetime | None:
    """Return when the deletion of a Pod was requested, or None if it was not."""
    # deletionTimestamp is the moment at which the grace period ends. Each later request that
    # shortens that period moves both, so their difference stays the time of the first request.
    if "deletionTimestamp" not in metadata:
        return None
    grace = bounded_seconds(metadata.get("deletionGracePeriodSeconds") or 0)
    ends_at = optional_time(metadata["deletionTimestamp"])
    if ends_at is None:
        # The grace period ends in a year that no clock here knows.
        return time_from(metadata["creationTimestamp"])
    return ends_at - grace


def is_deleted_by_force(body: Json) -> bool:
    """Return whether a Pod's deletion gives it no time although its own spec does."""
    # `kubectl delete --force`, and Kubernetes itself after the taint node.kubernetes.io/
    # out-of-service, set a grace period of 0. A Pod with a terminationGracePeriodSeconds of 0 has
    # that in each deletion, which says nothing about its node.
    if "deletionTimestamp" not in body["metadata"]:
        return False
    own = (body.get("spec") or {}).get("terminationGracePeriodSeconds")
    return own != 0 and not body["metadata"].get("deletionGracePeriodSeconds")
