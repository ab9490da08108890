"""Take a cluster down, whether it is our own, a detached one, or what a crash has left behind."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from . import cache, cgroups, link
from .errors import ClusterError
from .state import State, all_states

SECONDS = 30


def remove(cluster: State) -> None:
    """End every process of the cluster, then delete everything that it has made on the machine."""

    def has_ended() -> bool:
        # Whatever the processes of a crashed cluster are doing, nobody needs its result.
        for process in (remaining := cluster.processes()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not remaining

    _wait_until(has_ended, f"processes of {cluster.id} did not end")
    link.remove(cluster)
    _wait_until(lambda: cgroups.remove(cluster), f"cgroups of {cluster.id} stay busy")
    cluster.remove()


def remove_abandoned() -> None:
    """Take down what crashes have left behind."""
    _remove_all(lambda each: each.is_abandoned)


def remove_detached() -> int:
    """Take down the clusters that outlived the process that started them; return their number."""
    return _remove_all(lambda each: each.is_detached)


def _remove_all(is_meant: Callable[[State], bool]) -> int:
    if not any(map(is_meant, all_states())):
        return 0
    # Two that start at once must not both try to remove the same one.
    with cache.locked(cache.folder("clusters"), "Removing what an earlier cluster has left"):
        meant = [each for each in all_states() if is_meant(each)]
        for each in meant:
            remove(each)
        return len(meant)


def _wait_until(condition: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"After {SECONDS} s: {problem}")
        time.sleep(0.02)
