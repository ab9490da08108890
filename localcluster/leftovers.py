"""Take a cluster down, whether it is our own, a detached one, or what a crash has left behind."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil

from . import cache, cgroups, link
from .errors import ClusterError
from .state import State, all_states

SECONDS = 30
"""How long the end of a cluster may take."""
SECONDS_OF_ANOTHER = 5
"""How long the start of a cluster may take longer for what another one has left."""


def remove(cluster: State, seconds: float = SECONDS) -> None:
    """End every process of the cluster, then delete everything that it has made on the machine.

    Raises ClusterError, with what is left, where that takes longer than `seconds`.
    """

    def has_ended() -> bool:
        # Whatever the processes of a crashed cluster are doing, nobody needs its result.
        for process in (remaining := cluster.processes()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return not remaining

    _wait_until(has_ended, seconds, f"processes of {cluster.id} did not end")
    link.remove(cluster)
    _wait_until(lambda: cgroups.remove(cluster), seconds, f"cgroups of {cluster.id} stay busy")
    cluster.remove()


def remove_abandoned() -> None:
    """Take down what crashes have left; what can't be is told, and left for the next time."""
    for each in _each(lambda state: state.is_abandoned):
        try:
            remove(each, SECONDS_OF_ANOTHER)
        except (ClusterError, OSError) as error:
            print(f"An earlier cluster can't be removed yet: {error}", file=sys.stderr)


def remove_detached() -> int:
    """Take down the clusters that outlived the process that started them; return their number."""
    removed = []
    for each in _each(lambda state: state.is_detached):
        remove(each)
        removed.append(each)
    return len(removed)


def _each(is_meant: Callable[[State], bool]) -> Iterator[State]:
    """Yield the clusters that are meant, under a lock: two processes must not remove the same."""
    if any(map(is_meant, all_states())):
        with cache.locked(cache.folder("clusters"), "Removing earlier clusters"):
            yield from [state for state in all_states() if is_meant(state)]


def _wait_until(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"After {seconds} s: {problem}")
        time.sleep(0.02)
