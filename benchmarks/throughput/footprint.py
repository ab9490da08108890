"""What the processes of a cluster take: seconds of CPU, and memory at its peak."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.machine import memory_kb


@dataclass(frozen=True)
class Footprint:
    """One process, over some time."""

    cpu_seconds: float
    peak_kb: int
    """Resident memory at its peak."""


@contextmanager
def footprints(pids: Mapping[str, int]) -> Iterator[dict[str, Footprint]]:
    """Yield what is filled, at the end of the block, with what each process took in it."""
    taken: dict[str, Footprint] = {}
    before = {name: _cpu_seconds(pid) for name, pid in pids.items()}
    for pid in pids.values():
        # The kernel counts the peak from here on: proc_pid_clear_refs(5).
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    yield taken
    for name, pid in pids.items():
        taken[name] = Footprint(_cpu_seconds(pid) - before[name], memory_kb(pid, "VmHWM"))


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
