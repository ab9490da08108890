"""What a kubelet would do with a Pod and say of it, done in its place."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.api.team import FAKE, Json, Team


def report(team: Team, pod: str, **status: Any) -> None:
    """Write these fields of the Pod's status."""
    patch = json.dumps({"status": status})
    team.kubectl("patch", "pod", pod, "--subresource=status", f"--patch={patch}")


def container(state: Json) -> Json:
    """Return what a kubelet reports of the container main in this state."""
    return {
        "name": "main",
        "image": "trainer:1",
        "imageID": "",
        "ready": "running" in state,
        "restartCount": 0,
        "state": state,
    }


def receive(team: Team, task: str) -> str:
    """Wait until the Pod of the task's first attempt has its node; return the Pod's name."""
    pod: str = team.pod_of(task, 1)["metadata"]["name"]
    team.kubectl("wait", "--for=condition=PodScheduled", "pod", pod, "--timeout=30s")
    return pod


def start(team: Team, task: str) -> str:
    """Receive the Pod of the task's first attempt and report that it runs; return its name."""
    pod = receive(team, task)
    running = {"running": {"startedAt": datetime.now(UTC).isoformat(timespec="seconds")}}
    report(team, pod, phase="Running", containerStatuses=[container(running)])
    return pod


def end(team: Team, pod: str, exit_code: int = 0, reason: str | None = None) -> None:
    """Have a simulated node end the Pod's container, at once or as soon as it runs."""
    fate = {"exit-code": exit_code, "run-seconds": 0, **({"reason": reason} if reason else {})}
    team.kubectl("annotate", "pod", pod, *(f"{FAKE}/{word}={fate[word]}" for word in fate))
