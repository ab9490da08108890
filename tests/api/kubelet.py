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
    team.kubectl("wait", "--for=condition=PodScheduled", "pod", pod, "--timeout=120s")
    return pod


def report_waiting(team: Team, pod: str, reason: str, message: str | None = None) -> None:
    """Report that the container main waits, and why."""
    waiting = {"reason": reason, **({"message": message} if message else {})}
    report(team, pod, containerStatuses=[container({"waiting": waiting})])


def start(team: Team, task: str) -> str:
    """Receive the Pod of the task's first attempt and report that it runs; return its name."""
    pod = receive(team, task)
    running = {"running": {"startedAt": datetime.now(UTC).isoformat(timespec="seconds")}}
    report(team, pod, phase="Running", containerStatuses=[container(running)])
    return pod


def hear_of_deletion(team: Team, pod: str) -> None:
    """Wait until the Pod is told to end."""
    told = "jsonpath={.metadata.deletionTimestamp}"
    team.kubectl("wait", f"--for={told}", "pod", pod, "--timeout=120s")


def remove(team: Team, pod: str) -> None:
    """Wait until the Pod is told to end, and say that nothing of it is left."""
    hear_of_deletion(team, pod)
    team.kubectl("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")


def end(
    team: Team, task: str, attempt: int = 1, exit_code: int = 0, reason: str | None = None
) -> str:
    """Have a simulated node end the Pod of this attempt, once it runs; return the Pod's name."""
    pod: str = team.pod_of(task, attempt)["metadata"]["name"]
    fate = {"exit-code": exit_code, "run-seconds": 0, **({"reason": reason} if reason else {})}
    team.kubectl("annotate", "pod", pod, *(f"{FAKE}/{word}={fate[word]}" for word in fate))
    return pod
