"""CPU time of this process and of the processes that it started, in seconds."""

import os
import resource
import time
from collections.abc import Iterable
from contextlib import suppress

import psutil


def cpu_seconds() -> float:
    """Return the CPU time used so far by this process and its descendants, running or ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + ended.ru_utime + ended.ru_stime
    return own + (tree_seconds(_children()) if _has_children() else 0)


def tree_seconds(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU time used so far by these processes and the children they waited for."""
    total = 0.0
    for process in processes:
        # A process that has just ended is in its parent's figures.
        with suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _has_children() -> bool:
    """Return whether this process has any child. psutil would read every process of the machine."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
