"""Pods that end in the same way on a real node, which runs them, and on a simulated one."""

import json
from typing import Any

from localcluster import Cluster
from tests.waiting import wait_until

FINALIZER = "test.mltask.dev/hold"


def create(
    cluster: Cluster,
    name: str,
    script: str = "sleep 600",
    limits: dict[str, str] | None = None,
    **how_simulated: object,
) -> None:
    """Create a Pod with a finalizer that runs `script`; a simulated one ends as the rest tells."""
    annotations = {
        f"fake.mltask.dev/{key.replace('_', '-')}": str(value)
        for key, value in how_simulated.items()
    }
    image = "docker.io/library/busybox:local"
    command = ["sh", "-c", script]
    main = {"name": "main", "image": image, "command": command, "resources": {"limits": limits}}
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "initContainers": [{"name": "prepare", "image": image, "command": ["true"]}],
        "containers": [main, {"name": "beside", "image": image, "command": ["true"]}],
    }
    metadata = {"name": name, "annotations": annotations, "finalizers": [FINALIZER]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod))


def read(cluster: Cluster, name: str) -> dict[str, Any]:
    """Return the Pod, or nothing where there is none."""
    text = cluster.kubectl("get", "pod", name, "--ignore-not-found", "--output=json")
    return json.loads(text) if text else {}


def wait_for_phase(cluster: Cluster, name: str, phase: str) -> dict[str, Any]:
    """Return the Pod once it is in this phase."""
    condition = f"--for=jsonpath={{.status.phase}}={phase}"
    cluster.kubectl("wait", condition, f"pod/{name}", "--timeout=60s")
    return read(cluster, name)


def ends(pod: dict[str, Any]) -> dict[str, tuple[int, str, str]]:
    """Return exit code, reason and message of each container that has ended, by its name."""
    statuses = pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]
    ended = {each["name"]: each["state"].get("terminated") for each in statuses}
    return {
        name: (end["exitCode"], end["reason"], end.get("message", ""))
        for name, end in ended.items()
        if end
    }


def release(cluster: Cluster, name: str) -> None:
    """Take the finalizer off."""
    patch = '{"metadata": {"finalizers": null}}'
    cluster.kubectl("patch", "pod", name, "--type=merge", f"--patch={patch}")


def wait_until_gone(cluster: Cluster, name: str) -> None:
    """Return when there is no Pod of this name any more."""
    wait_until(lambda: not read(cluster, name), f"Pod {name} is gone")
