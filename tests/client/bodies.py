"""MLTasks as an API server sends them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mltask import MLTask, from_json

Json = dict[str, Any]
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    """Return the time so many seconds before NOW, as the API server writes it."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def body(
    name: str = "train",
    *,
    version: int = 1,
    metadata: Json | None = None,
    spec: Json | None = None,
    **status: Any,
) -> Json:
    """Return an MLTask of this name, whose uid is `uid-` and its name."""
    return {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "creationTimestamp": ago(600),
            **(metadata or {}),
        },
        "spec": {"image": "trainer:1", "resources": {"requests": {"cpu": "1"}}, **(spec or {})},
        "status": {"phase": "Pending", **status},
    }


def a_task(name: str = "train", **how: Any) -> MLTask:
    """Return the same as an object."""
    return from_json(body(name, **how))
