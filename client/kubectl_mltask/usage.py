"""What tasks took: CPU, memory and GPU, each times how long it was held. From status. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kubectl_mltask.capacity import GIB, amounts
from mltask import MLTask, Phase

HOUR = 3600
NO_LABEL = "<none>"


@dataclass(frozen=True)
class Usage:
    """What some tasks have held, in hours of one core, one GiB, one GPU."""

    tasks: int = 0
    cpu_hours: float = 0
    memory_gib_hours: float = 0
    gpu_hours: float = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.tasks + other.tasks,
            self.cpu_hours + other.cpu_hours,
            self.memory_gib_hours + other.memory_gib_hours,
            self.gpu_hours + other.gpu_hours,
        )


def usage(task: MLTask, now: datetime) -> Usage:
    """Return what a task has held so far.

    Of the attempts that have ended that is what status.allocation says. The one that runs counts
    from the start of its container. Where attempts asked for more memory than the first, each is
    counted with its own, for as long as its container ran.
    """
    allocation = task.status.allocation
    if allocation is None:
        return Usage(tasks=1)
    held = amounts(allocation.requests)
    seconds = allocation.seconds + _seconds_of_present(task, now)
    gpus = sum((n for name, n in held.items() if name.endswith("/gpu")), Decimal(0))
    return Usage(
        tasks=1,
        cpu_hours=float(held.get("cpu", 0)) * seconds / HOUR,
        memory_gib_hours=_memory_seconds(task, held.get("memory", Decimal(0)), seconds)
        / (GIB * HOUR),
        gpu_hours=float(gpus) * seconds / HOUR,
    )


def by_namespace(task: MLTask) -> str:
    """Group by namespace."""
    return task.metadata.namespace or ""


def by_task(task: MLTask) -> str:
    """Group by nothing: each task for itself."""
    return f"{task.metadata.namespace}/{task.metadata.name}"


def by_label(key: str) -> Callable[[MLTask], str]:
    """Return what groups by the value of a label."""
    return lambda task: (task.metadata.labels or {}).get(key, NO_LABEL)


def totals(
    tasks: Iterable[MLTask], group: Callable[[MLTask], str], now: datetime
) -> dict[str, Usage]:
    """Return what the tasks of each group have held together, the most first."""
    found: defaultdict[str, Usage] = defaultdict(Usage)
    for task in tasks:
        found[group(task)] += usage(task, now)
    return dict(
        sorted(found.items(), key=lambda item: (-item[1].gpu_hours, -item[1].cpu_hours, item[0]))
    )


def _seconds_of_present(task: MLTask, now: datetime) -> float:
    status = task.status
    if status.phase is not Phase.RUNNING or status.start_time is None:
        return 0
    return max(0.0, (now - status.start_time).total_seconds())


def _memory_seconds(task: MLTask, present: Decimal, seconds: float) -> float:
    if task.spec.on_out_of_memory is None:
        return float(present) * seconds
    resources = task.spec.resources
    at_first = (resources.requests or {}).get("memory") or (resources.limits or {}).get("memory")
    total = 0.0
    for attempt in task.status.history:
        ran = (
            (attempt.completion_time - attempt.start_time).total_seconds()
            if attempt.start_time
            else 0.0
        )
        asked = amounts({"memory": attempt.memory or at_first or 0})["memory"]
        total += float(asked) * min(ran, seconds)
        seconds -= min(ran, seconds)
    return total + float(present) * seconds
