"""Events as the API server takes them.

The name of each is a function of its task, attempt and reason: a second one of the same, whoever
posts it, meets AlreadyExists. Kopf's own posting has the server invent a name for each.
"""

from datetime import UTC, datetime
from typing import Any

from mltask_operator.api import names
from mltask_operator.lifecycle.announce import Notice
from mltask_operator.lifecycle.observed import Task

COMPONENT = "mltask-operator"
CONTROLLER = f"{names.GROUP}/operator"
MAX_MESSAGE_BYTES = 1000
"""events.k8s.io/v1 takes 1024, and reads all Events."""


def event_name(task_name: str, task_uid: str, notice: Notice) -> str:
    """Return the Event's name: with a task name of 63 characters it is half as long as it may be.

    A dot takes part in no uid, attempt or reason: no two differ only in where one part ends.
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
    """Return the text without line breaks, which would tear kubectl's table, and not too long."""
    line = " ".join(text.split())
    encoded = line.encode()
    if len(encoded) <= MAX_MESSAGE_BYTES:
        return line
    return encoded[: MAX_MESSAGE_BYTES - 3].decode(errors="ignore") + "…"
