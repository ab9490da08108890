"""Waiting for the end of a task, with its changes or its log written meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import click

from kubectl_mltask.edge import exit_code_of, on_interrupt, say
from kubectl_mltask.output import as_json, whole
from mltask import AsyncClient, MLTask, Phase, TaskGone
from mltask.tasks import has_ended

Options = Callable[..., Any]


def ending_options(command: Options) -> Options:
    """Add the options of a command that has created a task."""
    for option in (
        click.option("-o", "--output", type=click.Choice(["json"]), help="Write the MLTask so."),
        click.option("-f", "--follow", is_flag=True, help="Write its log, and wait for its end."),
        click.option("--wait", is_flag=True, help="Wait for its end, and write its result."),
    ):
        command = option(command)
    return command


def check(output: str | None, *, follow: bool) -> None:
    """Refuse what cannot be had together: a log and an object on one output."""
    if follow and output:
        raise click.UsageError("--follow writes the log, so there is no -o json; use --wait")


async def see_to_end(
    client: AsyncClient, task: MLTask, *, wait: bool, follow: bool, output: str | None
) -> int:
    """Do with a task just created what the options say, and return the exit code."""
    name = task.metadata.name
    if not (wait or follow):
        click.echo(as_json(whole(task)) if output else f"mltask.mltask.dev/{name} created")
        return 0
    say(f"mltask.mltask.dev/{name} created")
    with on_interrupt(
        f"MLTask {name} runs on: `kubectl mltask logs -f {name}` follows it, "
        f"`kubectl mltask cancel {name}` ends it."
    ):
        finished = await _followed(client, task) if follow else await tell_changes(client, task)
    if output:
        click.echo(as_json(whole(finished)))
    elif not follow:
        _write_evidence(finished)
    return exit_code_of(finished)


def _write_evidence(finished: MLTask) -> None:
    """Write the result of a task, and tell the end of the log of one that failed."""
    status = finished.status
    if status.phase is Phase.FAILED:
        if status.log_tail:
            say(f"The end of its log:\n{status.log_tail.rstrip()}")
    elif status.result:
        click.echo(status.result.rstrip())


async def _followed(client: AsyncClient, task: MLTask) -> MLTask:
    telling = asyncio.ensure_future(tell_changes(client, task))
    try:
        await write_log(client, task)
        return await telling
    finally:
        telling.cancel()


async def write_log(client: AsyncClient, task: MLTask, *, follow: bool = True) -> bool:
    """Write the log as it comes in, and end its last line; return whether there was any."""
    last = ""
    async for piece in client.logs(task, follow=follow):
        click.echo(piece, nl=False)
        last = piece
    if last and not last.endswith("\n"):
        click.echo()
    return bool(last)


async def tell_changes(client: AsyncClient, task: MLTask) -> MLTask:
    """Tell each change of phase or reason, and return the finished task. Raises TaskGone."""
    told = ""
    async with aclosing(client.changes(task)) as changes:
        async for now in changes:
            if (text := standing(now)) != told:
                told = text
                say(text)
            if has_ended(now):
                return now
    raise TaskGone(task.metadata.namespace or "", task.metadata.name or "")


def standing(task: MLTask) -> str:
    """Return how a task stands, in a line: its phase, and why it is in it."""
    status = task.status
    after = f" after {status.duration}" if status.is_finished and status.duration else ""
    # For a succeeded task, the reason and the message add nothing to the phase.
    why = (status.reason, status.message) if status.phase is not Phase.SUCCEEDED else ()
    told = ": ".join(filter(None, why))
    return f"{task.metadata.name}: {status.phase}{after}" + (f", {told}" if told else "")
