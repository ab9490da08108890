"""Where something was measured, and in which versions."""

import json
import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

import mltask_operator
from localcluster import Cluster


def describe(cluster: Cluster) -> dict[str, str]:
    """Return the machine's size and the versions of what runs on it."""
    [node, *_] = json.loads(cluster.kubectl("get", "nodes", "-o", "json"))["items"]
    info = node["status"]["nodeInfo"]
    server = json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]
    described = {
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "kubernetes": server["gitVersion"],
        "kubelet": info["kubeletVersion"],
        "runtime": info["containerRuntimeVersion"].partition("+")[0],
        "python": platform.python_version(),
        "kopf": version("kopf"),
        "operator": mltask_operator.__version__,
    }
    # A simulated node has no kubelet and no runtime.
    return {what: value for what, value in described.items() if value}


def memory_kb(pid: int, field: str) -> int:
    """Return a field of /proc/PID/status in kB: VmRSS is resident memory, VmHWM its peak."""
    status = Path(f"/proc/{pid}/status").read_text()
    [found] = re.findall(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found)
