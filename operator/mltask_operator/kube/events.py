"""Events as the API server takes them.

An Event's name is a function of its task, attempt and reason, so a second post of the same Event is
refused with AlreadyExists. With Kopf's own posting the server generates a name for each.
"""

from datetime import UTC, datetime
from typing import Any

from mltask_operator.api import names
from mltask_operator.escaping import escape
from mltask_operator.lifecycle.announce import Notice
from mltask_operator.lifecycle.observed import Task

COMPONENT = "mltask-operator"
CONTROLLER = f"{names.GROUP}/operator"
MAX_MESSAGE_BYTES = 1000
"""The limit of events.k8s.io/v1, which also serves Events that v1 created, is 1024."""


def event_name(task_name: str, task_uid: str, notice: Notice) -> str:
    """Return the Event's name. A task name of 63 characters makes half the allowed length.

    All parts are names that the API server checked, or our own words. No uid, attempt or reason
    has a dot, so different parts never make the same name.
    """
    return f"{task_name}.{task_uid}.{notice.attempt}.{notice.reason.lower()}"


def event_from(task: Task, notice: Notice, resource_version: str, now: datetime) -> dict[str, Any]:
    """Return the Event about a task that has this resourceVersion since it was written."""
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "namespace": task.namespace,
            "name": event_name(task.name, task.uid, notice),
        },
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "namespace": task.namespace,
            "name": task.name,
            "uid": task.uid,
            "resourceVersion": resource_version,
        },
        "type": "Warning" if notice.reason.is_warning else "Normal",
        "reason": notice.reason.value,
        "message": _in_a_line(notice.message),
        "source": {"component": COMPONENT},
        "reportingComponent": CONTROLLER,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


def _in_a_line(text: str) -> str:
    """Return the text as one line of at most `MAX_MESSAGE_BYTES`, for kubectl's table.

    kubectl prints it to a terminal, and parts of it may come from containers and Pods.
    """
    line = escape(" ".join(text.split())[: MAX_MESSAGE_BYTES + 1])
    encoded = line.encode()
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return line
    return encoded[: MAX_MESSAGE_BYTES - 3].decode(errors="ignore") + "…"
