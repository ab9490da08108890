"""What `kubectl mltask watch` shows: a row for each task, what waits and why, capacity. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from kubectl_mltask.capacity import Share, node_shares, quota_shares
from kubectl_mltask.output import columns, ran_for
from mltask import MLTask, Phase, StepPhase
from mltask_operator.api.durations import in_words

Json = Mapping[str, Any]

HEADER = ("NAMESPACE", "NAME", "PHASE", "REASON", "PROGRESS", "ATTEMPTS", "MESSAGE")
BAR_WIDTH = 20
_ORDER = (Phase.RUNNING, Phase.PENDING, Phase.SUSPENDED, Phase.FAILED, Phase.SUCCEEDED)


def table(tasks: Iterable[MLTask], now: datetime, *, everywhere: bool) -> list[str]:
    """Return a line for each task: what runs, what waits, and what has ended, the newest first."""
    rows = [
        (task.metadata.namespace or "", *_cells(task, now)) for task in sorted(tasks, key=_rank)
    ]
    first = 0 if everywhere else 1
    return columns(HEADER[first:], [row[first:] for row in rows])


def _rank(task: MLTask) -> tuple[int, float, str]:
    status, created = task.status, task.metadata.creation_timestamp
    if ended := status.completion_time:
        return len(_ORDER) + 1, -ended.timestamp(), task.metadata.name or ""
    age = created.timestamp() if created else 0
    # A phase that only a newer version knows comes after the others that are open.
    order = _ORDER.index(status.phase) if status.phase in _ORDER else len(_ORDER)
    return order, age, task.metadata.name or ""


def _cells(task: MLTask, now: datetime) -> tuple[str, ...]:
    status = task.status
    # For a succeeded task, the message adds nothing to the reason.
    message = "" if status.phase is Phase.SUCCEEDED else " ".join((status.message or "").split())
    return (
        task.metadata.name or "",
        status.phase,
        status.reason or "",
        progress(task, now),
        str(status.attempts),
        message,
    )


def progress(task: MLTask, now: datetime) -> str:
    """Return the progress of a task: its steps, its running time, and the limit of that."""
    parts = []
    if steps := task.spec.steps:
        done = sum(step.phase is StepPhase.SUCCEEDED for step in task.status.steps)
        parts.append(f"{done}/{len(steps)} steps")
    if (seconds := ran_for(task, now)) is not None:
        limit = task.spec.active_deadline_seconds
        is_bounded = limit and not task.status.is_finished
        parts.append(in_words(seconds) + (f" of {in_words(limit or 0)}" if is_bounded else ""))
    return ", ".join(parts)


def summary(tasks: Iterable[MLTask]) -> str:
    """Return how many tasks there are in each phase, and a bar of those that are finished."""
    phases = Counter(task.status.phase for task in tasks)
    count = phases.total()
    finished = phases[Phase.SUCCEEDED] + phases[Phase.FAILED]
    shown = dict.fromkeys([*_ORDER, *sorted(phases)])
    each = ", ".join(f"{phases[phase]} {phase}" for phase in shown if phases[phase])
    return f"{bar(finished, count)} {finished} of {count} finished" + (f": {each}" if each else "")


def bar(done: int, count: int) -> str:
    """Return a bar that is as full as much is done."""
    filled = BAR_WIDTH * done // count if count else 0
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}]"


def capacity(
    nodes: Iterable[Json] | None, pods: Iterable[Json] | None, quotas: Iterable[Json] | None
) -> list[str]:
    """Return a line for the nodes and one for each quota; None is what one may not look at."""
    lines = []
    if nodes is None or pods is None:
        lines.append("nodes: you may not list nodes and the Pods of all namespaces")
    else:
        lines.append(f"nodes: {_told(node_shares(nodes, pods))}")
    if quotas is None:
        lines.append("quota: you may not list resourcequotas")
    for quota in quotas or ():
        name = f"{quota['metadata']['namespace']}/{quota['metadata']['name']}"
        lines.append(f"quota {name}: {_told(quota_shares(quota))}")
    return lines


def _told(shares: Sequence[Share]) -> str:
    return ", ".join(map(str, shares)) or "nothing known yet"
