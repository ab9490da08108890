"""Whether a container had done its work before anything asked its Pod to end.

A program that ends in order on SIGTERM has not done its work, whatever its exit code. So exit code
0 counts only for a container that ended before the request (docs/decisions, number 5).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mltask_operator.lifecycle.observed import Container, Pod

CLOCK_LAG = timedelta(seconds=30)
"""How far a node's clock may be behind the API server's. The times of containers are the node's,
and the time of a deletion is the API server's."""


def is_done(pod: Pod, own: Sequence[Container], last: str) -> bool:
    """Return whether the task's own containers have done all work of this Pod.

    `own` are the containers that run the task, as far as the kubelet reports them. `last` is the
    name of the one that runs last: the kubelet starts it only after all others have ended with 0.
    """
    if not any(container.name == last for container in own):
        return False
    if any(container.exit_code != 0 for container in own):
        return False
    return not is_interrupted(pod) or all(ended_before_interruption(pod, each) for each in own)


def is_interrupted(pod: Pod) -> bool:
    """Whether anything asked the Pod to end: a deletion, an eviction, a preemption."""
    return pod.is_being_deleted or pod.disruption is not None


def ended_before_interruption(pod: Pod, container: Container) -> bool:
    """Return whether the container ended before anything asked the Pod to end.

    Where the operator saw that request before it saw the end, the node's clock has to show
    CLOCK_LAG more.
    """
    asked_at = _asked_at(pod)
    if asked_at is None or container.finished_at is None:
        return False
    lag = CLOCK_LAG if pod.was_told_to_end else timedelta(0)
    return container.finished_at + lag < asked_at


def _asked_at(pod: Pod) -> datetime | None:
    times = [at for at in (pod.deletion_asked_at, pod.disrupted_at) if at is not None]
    return min(times, default=None)
