"""How an attempt ended from outside: one small function for each rule, first match wins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase
from mltask_operator.lifecycle.work import CLOCK_LAG

# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
_DISRUPTIONS = {
    "PreemptionByScheduler": Reason.POD_PREEMPTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "EvictionByEvictionAPI": Reason.POD_EVICTED,
    "TerminationByKubelet": Reason.POD_EVICTED,
}
_LOST = frozenset({"ContainerStatusUnknown", "Unknown"})
"""The reasons that the kubelet and containerd give for a container whose end they did not see: its
node or container runtime was restarted."""
_REJECTION = "Pod was rejected: "
"""The start of the kubelet's message about a Pod that it does not admit, in Kubernetes 1.34 to
1.37: https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/kubelet/kubelet.go"""
UNCONFIRMED_AFTER = timedelta(seconds=60)
"""How long a node may take to confirm the end of a Pod that somebody deleted by force."""

_SIGNALS_OF_DELETION = frozenset({128 + 15, 128 + 9})
"""Exit codes: SIGTERM, and after the grace period SIGKILL."""


def disruption_of(
    pod: Pod, at: datetime, now: datetime, failed: Sequence[Container]
) -> Ending | None:
    """Return how the Pod ended from outside, if it did.

    `failed` are the containers whose exit codes decide why the Pod failed.
    """
    if not pod.has_ended:
        return _was_never_bound(pod, at) or _was_given_up(pod, at, now)
    for rule in (_was_deleted, _was_disrupted, _has_outgrown_storage, _was_rejected):
        if ending := rule(pod, at):
            return ending
    return _was_lost(pod, at, failed)


def _was_never_bound(pod: Pod, at: datetime) -> Ending | None:
    # No kubelet will ever report the end of a Pod that was deleted before it had a node, and the
    # finalizer keeps it there.
    if not pod.is_being_deleted or pod.node_name is not None:
        return None
    return _disrupted(pod, at, _who_deleted(pod), "deleted before it had a node")


def _was_given_up(pod: Pod, at: datetime, now: datetime) -> Ending | None:
    # To delete a Pod by force (`kubectl delete --force`, or Kubernetes itself after the taint
    # node.kubernetes.io/out-of-service) is to say that it runs no more, whatever its node says;
    # without the finalizer it would have been gone at once. A node that lives still gets the time
    # to tell how the Pod ended.
    # https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/
    if pod.deletion_asked_at is None or not pod.is_deleted_by_force:
        return None
    if now < pod.deletion_asked_at + UNCONFIRMED_AFTER:
        return None
    return _disrupted(pod, at, Reason.NODE_LOST, "deleted by force, and its node has not confirmed")


def _was_deleted(pod: Pod, at: datetime) -> Ending | None:
    # Whatever its exit code: a program that ends in order on SIGTERM has not done its work. Times
    # in the API have whole seconds; an end in the very second of the request counts as its
    # consequence, since the other reading would call half-done work a success.
    if pod.deletion_asked_at is None:
        return None
    lag = CLOCK_LAG if _was_killed(pod) else timedelta(0)
    if at + lag < pod.deletion_asked_at and not pod.was_told_to_end:
        return None
    return _disrupted(pod, at, _who_deleted(pod), "deleted before it had ended")


def _was_killed(pod: Pod) -> bool:
    failed = [c for c in (*pod.init_containers, *pod.containers) if c.exit_code]
    return pod.phase is PodPhase.FAILED and all(
        c.exit_code in _SIGNALS_OF_DELETION and c.reason != "OOMKilled" for c in failed
    )


def _was_disrupted(pod: Pod, at: datetime) -> Ending | None:
    if pod.phase is not PodPhase.FAILED:
        return None
    if pod.reason in _NODE_REASONS:
        return _disrupted(pod, at, _NODE_REASONS[pod.reason], pod.message or pod.reason)
    if pod.disruption is not None:
        reason = _DISRUPTIONS.get(pod.disruption, Reason.POD_EVICTED)
        return _disrupted(pod, at, reason, pod.message or pod.disruption)
    return None


_NODE_REASONS = {
    "Preempting": Reason.POD_PREEMPTED,
    "NodeLost": Reason.NODE_LOST,
    "NodeShutdown": Reason.NODE_LOST,
    "Shutdown": Reason.NODE_LOST,
    "Terminated": Reason.NODE_LOST,
}
"""The kubelet's own words in `status.reason` of a Pod that it ended."""


def _has_outgrown_storage(pod: Pod, at: datetime) -> Ending | None:
    # The kubelet evicts for two causes. Where its node runs out of something, it marks the Pod as
    # a disruption's target; where the Pod used more storage than its own limits, it does not.
    if pod.reason != "Evicted":
        return None
    return Ending(
        kind=EndingKind.FAILED,
        reason=Reason.STORAGE_LIMIT_EXCEEDED,
        message=pod.message or "the Pod used more storage than its limits",
        at=at,
    )


def _was_rejected(pod: Pod, at: datetime) -> Ending | None:
    # The kubelet's admission fails a Pod that the node cannot run (OutOfcpu, NodeAffinity,
    # UnexpectedAdmissionError, ...). A kubelet that restarts admits all its Pods again, also those
    # whose containers have run. Only its message tells these from others.
    if pod.phase is not PodPhase.FAILED or pod.reason in (None, "DeadlineExceeded"):
        return None
    has_started = any(c.has_started for c in (*pod.init_containers, *pod.containers))
    if has_started and not (pod.message or "").startswith(_REJECTION):
        return None
    why = f"{pod.reason}: {pod.message}" if pod.message else f"{pod.reason}"
    return _disrupted(pod, at, Reason.POD_REJECTED, why)


def _was_lost(pod: Pod, at: datetime, failed: Sequence[Container]) -> Ending | None:
    if not failed or any(c.reason not in _LOST for c in failed):
        return None
    return _disrupted(pod, at, Reason.NODE_LOST, "its node does not know how its containers ended")


def _disrupted(pod: Pod, at: datetime, reason: Reason, how: str) -> Ending:
    return Ending(kind=EndingKind.DISRUPTED, reason=reason, message=f"Pod {pod.name}: {how}", at=at)


def _who_deleted(pod: Pod) -> Reason:
    return _DISRUPTIONS.get(pod.disruption or "", Reason.POD_DELETED)
