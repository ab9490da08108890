"""What a Pod waits for, read off its status: its scheduling first, then its containers."""

from collections.abc import Iterator, Mapping
from typing import Any

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.observed import Waiting

Json = Mapping[str, Any]

# The kubelet's words for a container that waits:
# https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-state-waiting and
# pkg/kubelet/images/types.go, pkg/kubelet/kuberuntime/kuberuntime_container.go
_ON_ITS_WAY = ("ContainerCreating", "PodInitializing")
_REASONS = {
    reason.value: reason
    for reason in (
        Reason.ERR_IMAGE_PULL,
        Reason.IMAGE_PULL_BACK_OFF,
        Reason.ERR_IMAGE_NEVER_PULL,
        Reason.INVALID_IMAGE_NAME,
        Reason.CREATE_CONTAINER_CONFIG_ERROR,
        Reason.CREATE_CONTAINER_ERROR,
    )
}


def waiting_from(spec: Json, status: Json) -> Waiting | None:
    """Return what the Pod of this spec and status waits for; None where it runs or has ended."""
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            is_gated = condition.get("reason") == "SchedulingGated"
            reason = Reason.SCHEDULING_GATED if is_gated else Reason.UNSCHEDULABLE
            return Waiting(reason=reason, message=condition.get("message"))
    waits = list(_waits(status))
    for wait in waits:
        if wait.get("reason") not in _ON_ITS_WAY:
            return _said(wait)
    if not waits:
        return None if _is_attended(status) else _unattended(spec)
    is_initializing = any(
        "waiting" not in container.get("state", {"waiting": {}})
        for container in status.get("initContainerStatuses") or ()
    )
    return Waiting(reason=Reason.INITIALIZING if is_initializing else Reason.CONTAINER_CREATING)


def _is_attended(status: Json) -> bool:
    parts = ("initContainerStatuses", "containerStatuses")
    return status.get("phase") == "Running" or any(status.get(part) for part in parts)


def _unattended(spec: Json) -> Waiting:
    if node := spec.get("nodeName"):
        message = f"node {node} has not taken up the Pod"
    else:
        scheduler = spec.get("schedulerName")
        message = f"no scheduler has taken up the Pod; its schedulerName is {scheduler}"
    return Waiting(reason=Reason.UNATTENDED, message=message)


def _waits(status: Json) -> Iterator[Json]:
    for part in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(part) or ():
            if wait := (container.get("state") or {}).get("waiting"):
                yield wait


def _said(wait: Json) -> Waiting:
    word, message = wait.get("reason") or "", wait.get("message")
    if word in _REASONS:
        return Waiting(reason=_REASONS[word], message=message)
    # A word that is not documented here is passed on in the message.
    said = ": ".join(filter(None, (word, message)))
    return Waiting(reason=Reason.CONTAINER_CREATING, message=said or None)
