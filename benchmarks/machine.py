"""Where something was measured, and in which versions."""

import json
import platform

import psutil

import mltask_operator
from localcluster import Cluster


def describe(cluster: Cluster) -> dict[str, str]:
    """Return the machine's size and the versions of what runs on it."""
    [node, *_] = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    info = node["status"]["nodeInfo"]
    return {
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "kubelet": info["kubeletVersion"],
        "runtime": info["containerRuntimeVersion"].partition("+")[0],
        "python": platform.python_version(),
        "operator": mltask_operator.__version__,
    }
