"""How an attempt ended from outside: one small function for each rule, first match wins."""

from datetime import datetime, timedelta

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Pod, PodPhase

# https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
_DISRUPTIONS = {
    "PreemptionByScheduler": Reason.POD_PREEMPTED,
    "DeletionByTaintManager": Reason.NODE_LOST,
    "DeletionByPodGC": Reason.NODE_LOST,
    "EvictionByEvictionAPI": Reason.POD_EVICTED,
    "TerminationByKubelet": Reason.POD_EVICTED,
}
# What the kubelet and containerd say of a container whose end nobody saw: its node was restarted.
_LOST = frozenset({"ContainerStatusUnknown", "Unknown"})
UNCONFIRMED_AFTER = timedelta(seconds=60)
"""How long a node may take to confirm the end of a Pod that somebody deleted by force."""


CLOCK_LAG = timedelta(seconds=30)
"""By how much a node's clock may be behind the API server's, and we not take a Pod that ended by
the signals of its deletion for one that failed before it."""
_SIGNALS_OF_DELETION = frozenset({128 + 15, 128 + 9})
"""Exit codes: SIGTERM, and after the grace period SIGKILL."""


def what_befell(pod: Pod, at: datetime, now: datetime) -> Ending | None:
    """Return how the Pod ended from outside, if it did."""
    if not pod.has_ended:
        return _was_never_bound(pod, at) or _was_given_up(pod, at, now)
    for rule in (_was_deleted, _was_disrupted, _has_outgrown_storage, _was_rejected, _was_lost):
        if ending := rule(pod, at):
            return ending
    return None


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
    if pod.deletion_asked_at is None or pod.deletion_grace:
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
    # The kubelet's admission (OutOfcpu, UnexpectedAdmissionError, NodeAffinity, …) fails a Pod
    # before any container: the scheduler and the node disagreed, and the task never began.
    if pod.phase is not PodPhase.FAILED or pod.reason in (None, "DeadlineExceeded"):
        return None
    if any(c.is_terminated or c.is_running for c in (*pod.init_containers, *pod.containers)):
        return None
    why = f"{pod.reason}: {pod.message}" if pod.message else f"{pod.reason}"
    return _disrupted(pod, at, Reason.POD_REJECTED, why)


def _was_lost(pod: Pod, at: datetime) -> Ending | None:
    failed = [c for c in pod.containers if c.is_terminated and c.exit_code]
    if not failed or any(c.reason not in _LOST for c in failed):
        return None
    return _disrupted(pod, at, Reason.NODE_LOST, "its node does not know how its containers ended")


def _disrupted(pod: Pod, at: datetime, reason: Reason, how: str) -> Ending:
    return Ending(kind=EndingKind.DISRUPTED, reason=reason, message=f"Pod {pod.name}: {how}", at=at)


def _who_deleted(pod: Pod) -> Reason:
    return _DISRUPTIONS.get(pod.disruption or "", Reason.POD_DELETED)
