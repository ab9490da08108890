"""Remove a cluster: one's own, a detached one, or the leftovers of a crash."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from . import cache, cgroups, link
from .errors import ClusterError
from .state import State, all_states

SECONDS = 30
"""How long the removal of a cluster may take."""
SECONDS_OF_ANOTHER = 5
"""How long the removal of another cluster's leftovers may delay the start of a cluster."""


def remove(cluster: State, seconds: float = SECONDS, cgroup_root: Path = cgroups.ROOT) -> None:
    """Kill every process of the cluster, then delete everything it created on the machine.

    `cgroup_root` is the folder that holds the cgroup file systems. Raises ClusterError, which names
    what is left, if the processes or the cgroups take longer than `seconds` each.
    """

    def has_ended() -> bool:
        # No client needs the result of a cluster that ends, so a kill loses nothing.
        for process in (remaining := cluster.processes()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not remaining

    _wait_until(has_ended, seconds, f"processes of {cluster.id} did not end")
    link.remove(cluster)
    _wait_until(
        lambda: cgroups.remove(cluster, cgroup_root), seconds, f"cgroups of {cluster.id} stay busy"
    )
    cluster.remove()


def remove_abandoned(seconds: float = SECONDS_OF_ANOTHER, cgroup_root: Path = cgroups.ROOT) -> None:
    """Remove clusters that crashes left behind, each within `seconds`.

    `cgroup_root` is the folder that holds the cgroup file systems. A cluster that cannot be removed
    yet is reported on standard error and stays for the next call.
    """
    for each in _each(lambda state: state.is_abandoned):
        try:
            remove(each, seconds, cgroup_root)
        except (ClusterError, OSError) as error:
            print(f"An earlier cluster can't be removed yet: {error}", file=sys.stderr)


def remove_detached() -> int:
    """Remove the detached clusters; return how many there were."""
    removed = []
    for each in _each(lambda state: state.is_detached):
        remove(each)
        removed.append(each)
    return len(removed)


def _each(is_meant: Callable[[State], bool]) -> Iterator[State]:
    """Yield the clusters that are meant, under a lock, so that no two processes remove the same."""
    if any(map(is_meant, all_states())):
        with cache.locked(cache.folder("clusters"), "Removing earlier clusters"):
            yield from [state for state in all_states() if is_meant(state)]


def _wait_until(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"After {seconds} s: {problem}")
        time.sleep(0.02)
