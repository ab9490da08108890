"""The namespaces of a real node: its own network, mounts and process ids.

What happens in them stays in them: when their first process ends, the kernel ends every other one,
containers included, and with the last of them go mounts, interfaces and iptables rules.
"""

import itertools
from pathlib import Path

import psutil

from . import link
from .errors import ClusterError
from .network import Host
from .processes import Component, Processes
from .state import State

SCRIPT = Path(__file__).parent / "namespaces.sh"
HIDDEN = [Path("/run"), Path("/var/run"), Path("/var/lib"), Path("/var/log")]
"""Folders that something else is mounted over inside."""


def create(state: State, processes: Processes) -> tuple[Host, Host]:
    """Create the namespaces, and let `processes` start everything else in them.

    Return where components inside are reached from this machine, and where only from inside.
    """
    if any(state.path.is_relative_to(folder) for folder in HIDDEN):
        raise ClusterError(f"A real node's files can't be in {state.path}; choose another folder.")
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    first_process = [*unshare, "sh", str(SCRIPT), str(state.path)]
    is_ready = ["test", "-e", str(state.path / "namespaces-are-ready")]
    processes.start(Component("namespaces", first_process, is_ready))
    (first,) = psutil.Process(processes.pid("namespaces")).children()
    # Not `ip netns exec`: it mounts another /sys, in which the kubelet finds no cgroups.
    processes.enter = ["nsenter", f"--target={first.pid}", "--net", "--mount", "--pid"]
    ports = itertools.count(6443)
    return Host(link.create(state, processes, first.pid), ports), Host("127.0.0.1", ports)
