"""`kubectl mltask watch`: how the tasks stand, as it changes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kubectl_mltask import board
from kubectl_mltask.edge import everywhere_option, on_cluster, on_interrupt, selector_option
from kubectl_mltask.output import whole
from mltask import AsyncClient, MLTask, Phase, Refused
from mltask.states import merged, states

Json = dict[str, Any]
REFRESH_SECONDS = 0.5
STYLES = {
    Phase.PENDING: "yellow",
    Phase.RUNNING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.SUSPENDED: "dim",
}


@click.command()
@selector_option
@everywhere_option
@click.option("-o", "--output", type=click.Choice(["json"]), help="Write each state in a line.")
@on_cluster
async def watch(client: AsyncClient, *, selector: str, everywhere: bool, output: str | None) -> int:
    """Show the tasks, what they wait for, and how much of nodes and quotas is used.

    On a terminal the picture is drawn anew as it changes; elsewhere each task that changes gets a
    line. It goes on until Ctrl-C, which ends no task.
    """
    with on_interrupt("The tasks run on."):
        if output:
            await _write_lines(client, selector, everywhere=everywhere)
        else:
            await _show(client, selector, everywhere=everywhere)
    return 0


async def _write_lines(client: AsyncClient, selector: str, *, everywhere: bool) -> None:
    told: dict[str, str | None] = {}
    async for known in client.states(selector, everywhere=everywhere):
        for task in _changed(known, told):
            click.echo(json.dumps(whole(task), ensure_ascii=False))


def _changed(known: Mapping[str, MLTask], told: dict[str, str | None]) -> list[MLTask]:
    """Return the tasks whose version was not told yet, and note that it is now."""
    changed = [t for uid, t in known.items() if told.get(uid) != t.metadata.resource_version]
    told.update((task.metadata.uid or "", task.metadata.resource_version) for task in changed)
    return changed


async def _show(client: AsyncClient, selector: str, *, everywhere: bool) -> None:
    place = "" if everywhere else f"/namespaces/{client.namespace}"
    sources = {
        "tasks": client.states(selector, everywhere=everywhere),
        "nodes": _if_allowed(client, "/api/v1/nodes"),
        "pods": _if_allowed(client, "/api/v1/pods"),
        "quotas": _if_allowed(client, f"/api/v1{place}/resourcequotas"),
    }
    picture = Picture(everywhere=everywhere)
    seen: dict[str, Any] = {}
    with picture:
        async with aclosing(merged(**sources, clock=_ticks())) as changes:
            async for what, known in changes:
                seen[what] = known
                if what in ("clock", "tasks") and sources.keys() <= seen.keys():
                    picture.show(seen, is_tick=what == "clock")


async def _if_allowed(client: AsyncClient, path: str) -> AsyncGenerator[Mapping[str, Json] | None]:
    """Yield the states of these objects, or None where the user may not look at them."""
    try:
        async for known in states(client.api, path, dict):
            yield known
    except Refused as error:
        if error.code != 403:
            raise
        yield None


async def _ticks() -> AsyncGenerator[None]:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        yield None


class Picture:
    """Shows what is known: on a terminal in one place, elsewhere a line for each change."""

    def __init__(self, *, everywhere: bool) -> None:
        console = Console(markup=False, highlight=False)
        self._everywhere = everywhere
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._told: dict[str, str | None] | None = None

    def __enter__(self) -> None:
        if self._live:
            self._live.start()

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, seen: Mapping[str, Any], *, is_tick: bool) -> None:
        """Show what is seen. A terminal is drawn at ticks, which also tell running times."""
        tasks: Mapping[str, MLTask] = seen["tasks"]
        if self._live:
            if is_tick:
                self._live.update(self._drawn(tasks.values(), _capacity(seen)), refresh=True)
            return
        if self._told is None:
            self._told = {}
            _changed(tasks, self._told)
            lines = self._table(tasks.values())
            click.echo("\n".join([*lines, board.summary(tasks.values()), *_capacity(seen)]))
        for task in _changed(tasks, self._told):
            click.echo(self._table([task])[1])

    def _table(self, tasks: Collection[MLTask]) -> list[str]:
        return board.table(tasks, datetime.now(UTC), everywhere=self._everywhere)

    def _drawn(self, tasks: Collection[MLTask], capacity: list[str]) -> Group:
        header, *rows = self._table(tasks)
        room = max(1, self._console.height - len(capacity) - 4)
        shown = [_line(header), *(_line(row, _style(row)) for row in rows[:room])]
        if len(rows) > room:
            shown.append(_line(f"… and {len(rows) - room} more"))
        return Group(*shown, _line(board.summary(tasks)), *map(_line, capacity))


def _capacity(seen: Mapping[str, Any]) -> list[str]:
    return board.capacity(
        *(
            None if seen[what] is None else seen[what].values()
            for what in ("nodes", "pods", "quotas")
        )
    )


def _line(text: str, style: str = "") -> Text:
    # Cut rather than wrapped, so that the picture stays within the height of the terminal.
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _style(row: str) -> str:
    words = row.split()
    return next((style for phase, style in STYLES.items() if phase in words[:3]), "")
