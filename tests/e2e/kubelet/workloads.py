"""MLTasks that run shell scripts in busybox, the one image that every real node has here."""

from typing import Any

from tests.api.team import Json, Team, manifest

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


RAN = "/mltask/scratch/ran"
TELLS_WHAT_RAN = f"cat {RAN} > /dev/termination-log"


def logged_step(name: str, script: str = "") -> Json:
    """Return a step that adds its name to the file RAN, and then runs this script."""
    return step(name, f"echo {name} >> {RAN}; {script}")


def lasting_scratch(team: Team, name: str) -> Json:
    """Return a Pod's spec with a scratch volume that outlives the Pod, and goes with the node."""
    folder = {"path": str(team.cluster.state / "scratch" / name), "type": "DirectoryOrCreate"}
    return {"volumes": [{"name": "scratch", "hostPath": folder}]}
