"""The namespaces of a real node: its own network, mounts and process ids.

What happens in them stays in them: when their first process ends, the kernel ends every other one,
containers included, and with the last of them go mounts, interfaces and iptables rules.
"""

import itertools
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from .errors import ClusterError
from .network import Host
from .processes import Component, Processes
from .state import State

SCRIPT = Path(__file__).parent / "namespaces.sh"
HIDDEN = [Path("/run"), Path("/var/run"), Path("/var/log")]
"""Folders that something else is mounted over inside."""
CGROUPS = Path("/sys/fs/cgroup")
MAX_LINKS = 64


def create(state: State, processes: Processes) -> tuple[Host, Host]:
    """Create the namespaces and a cgroup, and let `processes` start everything else in them.

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
    _create_cgroup(state)
    return Host(_link(state, processes, first.pid), ports), Host("127.0.0.1", ports)


def is_gone(state: State) -> bool:
    """Delete what the kernel keeps after the last process, and return whether nothing is left."""
    for folder in _cgroups(state):
        for each in sorted(folder.glob("**/"), reverse=True):
            # A cgroup is busy until its last process is quite gone.
            with suppress(OSError):
                each.rmdir()
    link = _link_record(state)
    has_link = link.exists() and Path("/sys/class/net", link.read_text()).exists()
    return not has_link and not any(folder.exists() for folder in _cgroups(state))


def _link(state: State, processes: Processes, pid: int) -> str:
    """Join the namespaces of this process to the machine; return the address inside.

    There is no default route: nothing inside reaches further than this machine.
    """
    for number in range(MAX_LINKS):
        name = f"mltask{number}"
        outside, inside = (f"172.31.255.{4 * number + end}" for end in (1, 2))
        # Its name is the lock on its addresses. With the namespace, the kernel removes both ends.
        link = [
            "ip",
            "link",
            "add",
            name,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(pid),
        ]
        result = subprocess.run(link, capture_output=True, text=True)
        if result.returncode == 0:
            break
        if "File exists" not in result.stderr:
            raise ClusterError(f"`{' '.join(link)}` failed: {result.stderr.strip()}")
    else:
        raise ClusterError(f"{MAX_LINKS} clusters are running; stop one (make cluster-down).")
    _link_record(state).write_text(name)
    for command in (
        ["ip", "address", "add", f"{outside}/30", "dev", name],
        ["ip", "link", "set", name, "up"],
    ):
        subprocess.run(command, check=True)
    processes.run("ip", "address", "add", f"{inside}/30", "dev", "eth0")
    processes.run("ip", "link", "set", "eth0", "up")
    return inside


def _link_record(state: State) -> Path:
    return state.path / "link"


def _create_cgroup(state: State) -> None:
    """Make the cgroup below which the kubelet is to keep those of Pods."""
    if (CGROUPS / "cgroup.controllers").exists():
        for controller in (CGROUPS / "cgroup.controllers").read_text().split():
            (CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
    for folder in _cgroups(state):
        folder.mkdir()
        # In version 1 a new cpuset has no CPU, and no process can be put into it.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder.parent / name).exists():
                (folder / name).write_text((folder.parent / name).read_text())


def _cgroups(state: State) -> list[Path]:
    """Return the cluster's cgroup in every hierarchy; version 2 has one, version 1 several."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / state.id]
    return [root / state.id for root in CGROUPS.glob("*/") if not root.is_symlink()]
