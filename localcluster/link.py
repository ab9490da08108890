"""The network link between this machine and the namespaces of a real node."""

import subprocess
from pathlib import Path

from .errors import ClusterError
from .processes import Processes
from .state import State

MAX_LINKS = 64


def create(state: State, processes: Processes, pid: int) -> str:
    """Link the machine to the network namespace of this process; return the address inside.

    There is no default route: nothing inside reaches further than this machine.
    """
    for number in range(MAX_LINKS):
        name = f"mltask{number}"
        if _add(name, pid):
            break
    else:
        raise ClusterError(f"{MAX_LINKS} clusters are running; stop one (make cluster-down).")
    _record(state).write_text(f"{name} {_index(name)}")
    outside, inside = (f"172.31.255.{4 * number + end}" for end in (1, 2))
    for command in (
        ["ip", "address", "add", f"{outside}/30", "dev", name],
        ["ip", "link", "set", name, "up"],
    ):
        subprocess.run(command, check=True)
    processes.run("ip", "address", "add", f"{inside}/30", "dev", "eth0")
    processes.run("ip", "link", "set", "eth0", "up")
    return inside


def remove(state: State) -> None:
    """Remove the cluster's link, if it has one.

    The kernel would, but only after the last connection has ended, and one whose other end was a
    Pod that is gone takes minutes.
    """
    if _record(state).exists():
        name, index = _record(state).read_text().split()
        # By now the name may be another cluster's.
        if _index(name) == index:
            subprocess.run(["ip", "link", "delete", name], capture_output=True)


def _add(name: str, pid: int) -> bool:
    """Add a link of this name, the lock on its addresses; return False where it is taken."""
    peer = ["peer", "name", "eth0", "netns", str(pid)]
    command = ["ip", "link", "add", name, "type", "veth", *peer]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0 and "File exists" not in result.stderr:
        raise ClusterError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
    return result.returncode == 0


def _index(name: str) -> str | None:
    """Return the number of an interface, which the kernel gives no second one."""
    path = Path("/sys/class/net", name, "ifindex")
    return path.read_text().strip() if path.exists() else None


def _record(state: State) -> Path:
    return state.path / "link"
