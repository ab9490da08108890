"""MLTasks that run shell scripts in busybox, the one image that every real node has here."""

from typing import Any

from tests.api.team import Json, manifest

IMAGE = "busybox:1.37"
LITTLE = {"requests": {"cpu": "10m", "memory": "16Mi"}}


def shell(name: str, script: str, **how: Any) -> Json:
    """Return an MLTask that runs this script; the arguments are those of `task`."""
    return task(name, command=["sh", "-c", script], **how)


def task(name: str, *, pod: Json | None = None, **spec: Any) -> Json:
    """Return an MLTask that needs little; `pod` is the spec in its template."""
    template = {"spec": {"terminationGracePeriodSeconds": 1, **(pod or {})}}
    return manifest(name, template=template, **{"image": IMAGE, "resources": LITTLE, **spec})


def step(name: str, script: str) -> Json:
    """Return a step that runs this script."""
    return {"name": name, "command": ["sh", "-c", script]}


def at_first(script: str) -> str:
    """Return a line for a script that runs this in the first attempt and does nothing later."""
    return f"case $(hostname) in *-1) {script};; esac\n"
