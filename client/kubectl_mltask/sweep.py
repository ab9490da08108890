"""`kubectl mltask sweep`: a template with many parameters, and a table of results."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kubectl_mltask import results
from kubectl_mltask.edge import (
    FAILED,
    NOT_DONE,
    on_interrupt,
    perform,
    say,
    where_options,
)
from kubectl_mltask.output import as_json
from kubectl_mltask.sweepfile import InvalidSweep, Sweep, parse
from kubectl_mltask.trials import SWEEP_LABEL, Outcome, Trial, is_same, outcome, plan
from mltask import AsyncClient, MLTask

AT_ONCE = 10
"""How many requests to create a task are under way at a time."""

Plan = list[tuple[MLTask, list[Trial]]]


@click.command()
@click.argument("file", type=click.File())
@click.option(
    "--share",
    type=click.IntRange(min=1),
    default=1,
    metavar="COUNT",
    help="Put so many trials into each MLTask, one after another as its steps.",
)
@click.option("-o", "--output", type=click.Choice(["csv", "json"]), help="Write the results so.")
@where_options
def sweep(client: AsyncClient, *, file: TextIO, share: int, output: str | None) -> None:
    """Run a template with a grid or a list of parameters, and compare the results.

    Each trial is an MLTask, with its parameters as environment variables; arguments may use them as
    $(NAME). The same command again goes on with the tasks that are there.
    """
    try:
        swept = parse(file.read(), file.name)
        planned = plan(swept, share)
    except InvalidSweep as error:
        raise click.UsageError(str(error)) from error
    perform(client, _run, sweep=swept, planned=planned, output=output)


async def _run(client: AsyncClient, *, sweep: Sweep, planned: Plan, output: str | None) -> int:
    name = sweep.metadata.name
    selector = f"{SWEEP_LABEL}={name}"
    there = {task.metadata.name: task for task in await client.list(selector)}
    if foreign := [
        str(task.metadata.name)
        for task, _ in planned
        if (found := there.get(task.metadata.name)) and not is_same(task, found)
    ]:
        say(
            f"error: {', '.join(foreign)} in namespace {client.namespace}: made by this sweep "
            "before its file or --share was changed. Give it another metadata.name, or delete "
            f"what is there: kubectl delete mltasks -l {selector}"
        )
        return NOT_DONE
    missing = [task for task, _ in planned if task.metadata.name not in there]
    with on_interrupt(
        f"The tasks run on. The same command goes on here; `kubectl mltask cancel -l {selector}` "
        "ends those that are not finished."
    ):
        await _create(client, missing)
        say(f"sweep {name}: {len(missing)} tasks created, {len(planned) - len(missing)} there")
        outcomes = results.ranked(await _finished(client, selector, planned), sweep.metric)
    if output == "csv":
        click.echo(results.as_csv(outcomes), nl=False)
    elif output:
        click.echo(as_json(results.as_objects(outcomes)))
    else:
        click.echo("\n".join(results.table(outcomes, sweep.metric)))
    return 0 if all(each.phase == "Succeeded" for each in outcomes) else FAILED


async def _create(client: AsyncClient, tasks: Sequence[MLTask]) -> None:
    for start in range(0, len(tasks), AT_ONCE):
        batch = (client.submit(task) for task in tasks[start : start + AT_ONCE])
        for answer in await asyncio.gather(*batch, return_exceptions=True):
            if isinstance(answer, BaseException):
                say("Not all tasks could be created. Those that are there run on.")
                raise answer


async def _finished(client: AsyncClient, selector: str, planned: Plan) -> list[Outcome]:
    """Show how the trials proceed, and return their outcomes once all are final."""
    ended: dict[str, Outcome] = {}
    with _Progress(sum(len(trials) for _, trials in planned)) as progress:
        async with aclosing(client.states(selector)) as seen:
            async for known in seen:
                # What was seen to end stays so, also where its task is deleted after its end.
                outcomes = [
                    ended.get(each.trial.name, each) for each in _outcomes(planned, known.values())
                ]
                ended = {each.trial.name: each for each in outcomes if each.is_final}
                progress.show(outcomes)
                if all(each.is_final for each in outcomes):
                    return outcomes
    raise AssertionError("a watch goes on")


def _outcomes(planned: Plan, tasks: Iterable[MLTask]) -> list[Outcome]:
    now = datetime.now(UTC)
    states = {task.metadata.name: task.status for task in tasks}
    return [
        outcome(trial, states.get(task.metadata.name), now)
        for task, trials in planned
        for trial in trials
    ]


class _Progress:
    """A bar on a terminal; elsewhere a line for each trial that has ended."""

    def __init__(self, count: int) -> None:
        console = Console(stderr=True)
        self._told: set[str] = set()
        self._count = count
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=count)

    def __enter__(self) -> "_Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, outcomes: Sequence[Outcome]) -> None:
        ended = [each for each in outcomes if each.is_final]
        running = sum(each.phase == "Running" for each in outcomes)
        failed = sum(each.phase != "Succeeded" for each in ended)
        about = f"{running} running, {failed} not succeeded"
        self._bar.update(self._task, completed=len(ended), description=about)
        for each in ended:
            if self._bar.disable and each.trial.name not in self._told:
                self._told.add(each.trial.name)
                say(f"{len(self._told)}/{self._count} {each.trial.name}: {each.phase}")
