"""`kubectl mltask top`: what tasks took."""

from collections.abc import Callable
from datetime import UTC, datetime

import click

from kubectl_mltask import usage
from kubectl_mltask.edge import everywhere_option, on_cluster, selector_option
from kubectl_mltask.output import as_json, columns
from mltask import AsyncClient, MLTask

Group = Callable[[MLTask], str]


def _group(_: click.Context, __: click.Parameter, text: str) -> tuple[str, Group]:
    """Read --by; return the heading of its column too."""
    kind, colon, key = text.partition(":")
    if kind == "label" and key:
        return key, usage.by_label(key)
    if not colon and kind in ("namespace", "task"):
        return kind, usage.by_namespace if kind == "namespace" else usage.by_task
    raise click.BadParameter(f"{text!r} is none of namespace, task, label:KEY")


@click.command()
@click.option(
    "--by",
    default="namespace",
    show_default=True,
    callback=_group,
    metavar="WHAT",
    help="A line for each: namespace, task, or label:KEY.",
)
@selector_option
@everywhere_option
@click.option("-o", "--output", type=click.Choice(["json"]), help="Write a list of objects.")
@on_cluster
async def top(
    client: AsyncClient,
    *,
    by: tuple[str, Group],
    selector: str,
    everywhere: bool,
    output: str | None,
) -> int:
    """Sum up what the tasks were allocated: hours of a core, of a GiB, of a GPU.

    From the status of the MLTasks that are there, running ones until now. Those deleted, by hand or
    by ttlSecondsAfterFinished, are not in it. GPUs are the resources named …/gpu.
    """
    heading, group = by
    tasks = await client.list(selector, everywhere=everywhere)
    found = usage.totals(tasks, group, datetime.now(UTC))
    if output:
        click.echo(as_json([_as_object(name, total) for name, total in found.items()]))
        return 0
    rows = [
        (
            name,
            str(total.tasks),
            *(
                f"{hours:.3f}"
                for hours in (total.cpu_hours, total.memory_gib_hours, total.gpu_hours)
            ),
        )
        for name, total in found.items()
    ]
    header = (heading.upper(), "TASKS", "CPU-HOURS", "MEMORY-GIB-HOURS", "GPU-HOURS")
    click.echo("\n".join(columns(header, rows)))
    return 0


def _as_object(name: str, total: usage.Usage) -> dict[str, str | int | float]:
    return {
        "name": name,
        "tasks": total.tasks,
        "cpuHours": total.cpu_hours,
        "memoryGibHours": total.memory_gib_hours,
        "gpuHours": total.gpu_hours,
    }
