"""How long tasks waited for the operator, read off the API server's audit log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Event = dict[str, Any]


@dataclass
class Times:
    """Moments in a task's life with one Pod, by the API server's clock, in seconds since 1970."""

    created: float = 0.0
    pod_created: float = 0.0
    ended: float = 0.0
    """When the kubelet last wrote the Pod's status, which said that it has ended."""
    gone: float = 0.0
    """When the last write was done without which the Pod would still be there."""

    @property
    def is_complete(self) -> bool:
        """Whether all of it is in the log."""
        return all((self.created, self.pod_created, self.ended, self.gone))


def times_of_tasks(events: Iterable[Event]) -> list[Times]:
    """Return the times of all tasks whose Pods have gone, in the order of their creation."""
    tasks: dict[str, Times] = {}
    for event in events:
        target = event.get("objectRef") or {}
        if event["responseStatus"]["code"] >= 300 or "name" not in target:
            continue
        at = datetime.fromisoformat(event["stageTimestamp"]).timestamp()
        match event["verb"], target["resource"], target.get("subresource"):
            case "create", "mltasks", None:
                tasks.setdefault(target["name"], Times()).created = at
            case "create", "pods", None:
                _of_pod(tasks, target["name"]).pod_created = at
            case "patch", "pods", "status":
                times = _of_pod(tasks, target["name"])
                times.ended = max(times.ended, at)
            case (("patch" | "delete"), "pods", None):
                times = _of_pod(tasks, target["name"])
                times.gone = max(times.gone, at)
    complete = (times for times in tasks.values() if times.is_complete)
    return sorted(complete, key=lambda times: times.created)


def _of_pod(tasks: dict[str, Times], pod: str) -> Times:
    task, _uid, _attempt = pod.rsplit("-", 2)
    return tasks.setdefault(task, Times())
