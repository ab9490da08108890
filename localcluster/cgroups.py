"""The cgroup below which a real node's kubelet keeps those of its Pods, one for each cluster."""

from contextlib import suppress
from pathlib import Path

from .state import State

ROOT = Path("/sys/fs/cgroup")


def create(state: State) -> None:
    """Make the cluster's cgroup in every hierarchy, as a kubelet wants to find it."""
    if _is_version_2():
        for controller in (ROOT / "cgroup.controllers").read_text().split():
            # Where one that the kubelet needs can't be had, it says so better than this would.
            with suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
    for folder in _folders(state):
        folder.mkdir()
        # In version 1 a new cpuset has no CPU, and no process can be put into it.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder.parent / name).exists():
                (folder / name).write_text((folder.parent / name).read_text())


def remove(state: State) -> bool:
    """Delete what can be deleted by now; return whether nothing is left."""
    for folder in _folders(state):
        for each in sorted(folder.glob("**/"), reverse=True):
            # It is busy until its last process is quite gone.
            with suppress(OSError):
                each.rmdir()
    return not any(folder.exists() for folder in _folders(state))


def _folders(state: State) -> list[Path]:
    if _is_version_2():
        return [ROOT / state.id]
    return [hierarchy / state.id for hierarchy in ROOT.glob("*/") if not hierarchy.is_symlink()]


def _is_version_2() -> bool:
    return (ROOT / "cgroup.controllers").exists()
