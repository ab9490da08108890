"""Builders of Pods as they may be observed, that read like sentences: running(), ended(3)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mltask_operator.api.names import pod_name
from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.observed import Container, Owner, Pod, PodPhase, Waiting

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE, NAME, UID = "team-a", "train", "0b5f1c2e-aaaa-bbbb-cccc-0123456789ab"
OWNER = Owner(namespace=NAMESPACE, name=NAME, uid=UID)


def ago(seconds: float) -> datetime:
    """Return the moment that many seconds before NOW."""
    return NOW - timedelta(seconds=seconds)


def seconds(count: float) -> timedelta:
    """Return a span of time."""
    return timedelta(seconds=count)


def a_pod(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod of this attempt that waits for a node."""
    pod = Pod(
        namespace=NAMESPACE,
        name=pod_name(NAME, UID, attempt),
        uid=f"pod-{attempt}",
        resource_version="20",
        created_at=ago(40),
        attempt=attempt,
        is_genuine=True,
        is_owned=True,
        is_held=True,
        phase=PodPhase.PENDING,
    )
    return replace(pod, **changes)


def waiting_for(reason: Reason, message: str | None = None, **changes: Any) -> Pod:
    """Return a Pod that has not started, since it waits for this."""
    has_node = reason not in (Reason.SCHEDULING_GATED, Reason.UNSCHEDULABLE)
    why = Waiting(reason=reason, message=message)
    return a_pod(**{"node_name": "n1" if has_node else None, "waiting": why, **changes})


def running(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod whose container main runs since half a minute."""
    return a_pod(
        attempt,
        **{"phase": PodPhase.RUNNING, "node_name": "n1", "containers": (runs("main"),), **changes},
    )


def ended(exit_code: int, attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod whose container main ended ten seconds ago with this exit code."""
    main = terminated("main", exit_code, message=changes.pop("output", None))
    phase = PodPhase.FAILED if exit_code else PodPhase.SUCCEEDED
    return a_pod(attempt, **{"phase": phase, "node_name": "n1", "containers": (main,), **changes})


def succeeded(attempt: int = 1, **changes: Any) -> Pod:
    """Return a Pod that ended with exit code 0."""
    return ended(0, attempt, **changes)


def of_steps(*steps: Container, **changes: Any) -> Pod:
    """Return a Pod of these steps, in the phase that the kubelet gives it for how far they are."""
    *before, last = steps
    if any(step.exit_code for step in steps):
        phase = PodPhase.FAILED
    elif last.is_terminated:
        phase = PodPhase.SUCCEEDED
    else:
        phase = PodPhase.RUNNING if last.is_running else PodPhase.PENDING
    parts = {"init_containers": tuple(before), "containers": (last,)}
    return a_pod(**{"phase": phase, "node_name": "n1", **parts, **changes})


def told_to_end(seconds_ago: float, grace_seconds: float = 30) -> dict[str, Any]:
    """Return the changes of a Pod whose deletion was asked for, with or without a grace period."""
    return {
        "deletion_asked_at": ago(seconds_ago),
        "deletion_grace": seconds(grace_seconds),
        "is_deleted_by_force": not grace_seconds,
    }


def waits(name: str, **changes: Any) -> Container:
    """Return a container that has not started."""
    return Container(name=name, **{"reason": "PodInitializing", **changes})


def runs(name: str, **changes: Any) -> Container:
    """Return a container that runs since half a minute."""
    return Container(name=name, is_running=True, **{"started_at": ago(30), **changes})


def terminated(name: str, exit_code: int, **changes: Any) -> Container:
    """Return a container that ended ten seconds ago with this exit code."""
    reason = "Error" if exit_code else "Completed"
    return Container(
        name=name,
        is_terminated=True,
        exit_code=exit_code,
        **{"reason": reason, "started_at": ago(30), "finished_at": ago(10), **changes},
    )


def out_of_memory(name: str = "main", exit_code: int = 137, **changes: Any) -> Container:
    """Return a container that was killed for its use of memory."""
    return terminated(name, exit_code, reason="OOMKilled", **changes)
