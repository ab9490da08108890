"""Pods that end in the same way on a real node, which runs them, and on a simulated one."""

import json
from collections.abc import Mapping
from typing import Any

from localcluster import Cluster
from tests.waiting import wait_until

Json = dict[str, Any]
FINALIZER = "test.mltask.dev/hold"
PREPARE = {"prepare": "true"}


def create(
    cluster: Cluster,
    name: str,
    script: str = "sleep 600",
    limits: dict[str, str] | None = None,
    before: Mapping[str, str] = PREPARE,
    **how_simulated: object,
) -> None:
    """Create a Pod with a finalizer that runs `script`; a simulated one ends as the rest tells.

    `before` has the scripts of its init containers, by name.
    """
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
        "initContainers": [
            {"name": name, "image": image, "command": ["sh", "-c", script]}
            for name, script in before.items()
        ],
        "containers": [main, {"name": "beside", "image": image, "command": ["true"]}],
    }
    metadata = {"name": name, "annotations": annotations, "finalizers": [FINALIZER]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod))


def read(cluster: Cluster, name: str) -> Json:
    """Return the Pod, or nothing where there is none."""
    text = cluster.kubectl("get", "pod", name, "--ignore-not-found", "--output=json")
    return json.loads(text) if text else {}


def wait_for_phase(cluster: Cluster, name: str, phase: str) -> Json:
    """Return the Pod once it is in this phase."""
    condition = f"--for=jsonpath={{.status.phase}}={phase}"
    cluster.kubectl("wait", condition, f"pod/{name}", "--timeout=60s")
    return read(cluster, name)


def wait_for_start(cluster: Cluster, name: str, init_container: int) -> Json:
    """Return the Pod once its init container of this index runs."""
    state = f"{{.status.initContainerStatuses[{init_container}].state.running.startedAt}}"
    cluster.kubectl("wait", f"--for=jsonpath={state}", f"pod/{name}", "--timeout=60s")
    return read(cluster, name)


def states(pod: Json) -> dict[str, Json]:
    """Return the state of each container, init containers first, by its name."""
    statuses = pod["status"]["initContainerStatuses"] + pod["status"]["containerStatuses"]
    return {each["name"]: each["state"] for each in statuses}


def ends(pod: Json) -> dict[str, tuple[int, str, str]]:
    """Return exit code, reason and message of each container that has ended, by its name."""
    ended = {name: state.get("terminated") for name, state in states(pod).items()}
    return {
        name: (end["exitCode"], end["reason"], end.get("message", ""))
        for name, end in ended.items()
        if end
    }


def waiting(pod: Json) -> dict[str, str]:
    """Return what each container that has not started waits for, by its name."""
    return {
        name: state["waiting"]["reason"]
        for name, state in states(pod).items()
        if "waiting" in state
    }


def is_initialized(pod: Json) -> bool:
    """Whether all its init containers are said to have ended well."""
    [status] = [c["status"] for c in pod["status"]["conditions"] if c["type"] == "Initialized"]
    return bool(status == "True")


def release(cluster: Cluster, name: str) -> None:
    """Take the finalizer off."""
    patch = '{"metadata": {"finalizers": null}}'
    cluster.kubectl("patch", "pod", name, "--type=merge", f"--patch={patch}")


def wait_until_gone(cluster: Cluster, name: str) -> None:
    """Return when there is no Pod of this name any more."""
    wait_until(lambda: not read(cluster, name), f"Pod {name} is gone")
