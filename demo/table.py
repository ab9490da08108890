"""The picture: a row for each task, a line for each node; drawn anew or told as it changes."""

import time
from dataclasses import astuple, dataclass, fields
from decimal import Decimal
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from demo.capacity import GIB, Resources, allocated_on
from demo.view import Object, View, is_unschedulable

STYLES = {"Pending": "yellow", "Running": "cyan", "Succeeded": "green", "Failed": "red"}
BAR_WIDTH = 20


@dataclass(frozen=True)
class Row:
    """What a person wants to know of one task, as text."""

    task: str
    phase: str
    reason: str
    attempts: str
    exit: str
    duration: str
    result: str

    def __str__(self) -> str:
        return (
            f"{self.task:<20} {self.phase:<10} {self.reason:<16} {self.exit:>3} {self.duration:>4}"
            f"  {self.result}"
        ).rstrip()


def row(view: View, name: str) -> Row:
    """Return a task's row; what nobody has written yet is empty."""
    status = view.status(name)
    waits = any(view.task_of(pod) == name for pod in view.pods.values() if is_unschedulable(pod))
    return Row(
        task=name,
        phase=status.get("phase", ""),
        reason=status.get("reason") or ("(unschedulable)" if waits else ""),
        attempts=str(status.get("attempts", "")),
        exit=str(status.get("exitCode", "")),
        duration=status.get("duration", ""),
        result=" ".join(status.get("result", "").split()),
    )


def node_line(view: View, node: Object) -> str:
    """Return how much of a node is allocated, and of how much."""
    name = node["metadata"]["name"]
    used, total = (
        allocated_on(name, view.pods.values()),
        Resources.of(node["status"]["allocatable"]),
    )
    return (
        f"node {name}: CPU {_bar(used.cpu / total.cpu)} {used.cpu:.1f} of {total.cpu:.1f}, "
        f"memory {_bar(used.memory / total.memory)} "
        f"{used.memory / GIB:.2f} of {total.memory / GIB:.1f} GiB"
    )


class Picture:
    """Shows a view: on a terminal as a table in one place, elsewhere a line for each change."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._started = time.monotonic()
        self._told: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, view: View) -> None:
        rows = [row(view, name) for name in view.names]
        nodes = [node_line(view, node) for node in view.nodes.values()]
        if self._live:
            self._live.update(Group(_table(rows), "", *nodes), refresh=True)
            return
        lines = [*map(str, rows), *nodes]
        for line in lines:
            if line not in self._told:
                print(f"{time.monotonic() - self._started:5.1f} s  {line}", flush=True)
        self._told = frozenset(lines)


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for field in fields(Row):
        # Cut rather than wrapped, so that the picture stays within the height of the terminal.
        table.add_column(field.name.upper(), no_wrap=True)
    for each in rows:
        table.add_row(*astuple(each), style=STYLES.get(each.phase))
    return table


def _bar(share: Decimal) -> str:
    filled = min(BAR_WIDTH, round(share * BAR_WIDTH))
    return "#" * filled + "." * (BAR_WIDTH - filled)
