"""Cgroups of a real node: the kubelet creates those of its Pods below one cgroup per cluster."""

from contextlib import suppress
from pathlib import Path

from .state import State

ROOT = Path("/sys/fs/cgroup")


def create(state: State) -> None:
    """Create the cluster's cgroup in every hierarchy; the kubelet requires it at its start."""
    if _is_version_2(ROOT):
        for controller in (ROOT / "cgroup.controllers").read_text().split():
            # If a controller is missing that the kubelet needs, the kubelet reports it best.
            with suppress(OSError):
                (ROOT / "cgroup.subtree_control").write_text(f"+{controller}")
    for folder in _folders(state, ROOT):
        folder.mkdir()
        # In version 1 a new cpuset has no CPU, so no process can join it.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder.parent / name).exists():
                (folder / name).write_text((folder.parent / name).read_text())


def remove(state: State, root: Path = ROOT) -> bool:
    """Delete those of the cluster's cgroups that are idle; return whether all are gone.

    `root` is the folder that holds the cgroup file systems.
    """
    for folder in _folders(state, root):
        for each in sorted(folder.glob("**/"), reverse=True):
            # A cgroup stays busy until the kernel has reaped its last process.
            with suppress(OSError):
                each.rmdir()
    return not any(folder.exists() for folder in _folders(state, root))


def _folders(state: State, root: Path) -> list[Path]:
    if _is_version_2(root):
        return [root / state.id]
    return [hierarchy / state.id for hierarchy in root.glob("*/") if not hierarchy.is_symlink()]


def _is_version_2(root: Path) -> bool:
    return (root / "cgroup.controllers").exists()
