"""The operator, with a look inside it: python -m benchmarks.inside SAMPLES run.

What follows SAMPLES is the operator's own command line. Once in a second a line of JSON about this
process is added to that file. The operator itself knows nothing of it: what is counted is found
among the interpreter's objects.
"""

import asyncio
import gc
import json
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from benchmarks.machine import memory_kb
from mltask_operator.cli import main
from mltask_operator.runtime.store import Store

PERIOD_SECONDS = 1.0

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """What the operator held at one moment."""

    at: float
    """By the wall clock, in seconds since 1970."""
    memory: float
    """Resident memory in kB."""
    peak: float
    """The most that it ever was."""
    sockets: int
    files: int
    """All open file descriptors, sockets among them."""
    asyncio_tasks: int
    entries: int
    """Tasks of which the store knows something."""
    lag: float
    """How many seconds the event loop let this wait."""


def samples(path: Path) -> list[Sample]:
    """Return what was sampled so far, or nothing where the operator has not begun yet."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [Sample(**json.loads(line)) for line in lines if line.endswith("\n")]


def command(path: Path) -> list[str]:
    """Return how to start the operator so that it samples itself into this file."""
    return [sys.executable, "-m", "benchmarks.inside", str(path)]


def _sample(path: Path) -> None:
    loop, store = _find(asyncio.BaseEventLoop), _find(Store)
    with path.open("a") as output:
        while True:
            taken = asyncio.run_coroutine_threadsafe(_take(store, time.time()), loop).result()
            print(json.dumps(asdict(taken)), file=output, flush=True)
            time.sleep(PERIOD_SECONDS)


def _find(kind: type[T]) -> T:
    while True:
        found = next((each for each in gc.get_objects() if isinstance(each, kind)), None)
        if found is not None:
            return found
        time.sleep(0.1)


async def _take(store: Store, asked_at: float) -> Sample:
    process = psutil.Process()
    return Sample(
        at=asked_at,
        memory=process.memory_info().rss / 1024,
        peak=memory_kb(process.pid, "VmHWM"),
        sockets=len(process.net_connections(kind="all")),
        files=process.num_fds(),
        asyncio_tasks=len(asyncio.all_tasks()),
        entries=len(store),
        lag=time.time() - asked_at,
    )


if __name__ == "__main__":
    threading.Thread(target=_sample, args=[Path(sys.argv.pop(1))], daemon=True).start()
    main(prog_name="mltask-operator")
