"""`kubectl mltask run`: a task from the command line."""

import re

import click
from pydantic import ValidationError

from kubectl_mltask.edge import perform, where_options
from kubectl_mltask.ending import check, ending_options, see_to_end
from kubectl_mltask.output import as_json, as_yaml, faults
from mltask import AsyncClient, MLTask, new_task, to_json

GPU = "nvidia.com/gpu"
MAX_PREFIX_LENGTH = 57
"""The API server adds five characters to it, and a task's name has at most 63."""


@click.command()
@click.argument("image")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--name", help="Name of the task; by default the image's, made unique.")
@click.option("--cpu", default="1", show_default=True, metavar="CORES", help="As in 500m or 2.")
@click.option("--memory", metavar="BYTES", help="As in 512Mi or 4Gi.")
@click.option("--gpu", type=click.IntRange(min=1), metavar="COUNT", help=f"How many {GPU}.")
@click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--dry-run", type=click.Choice(["client"]), help="Print the manifest, and no more.")
@ending_options
@where_options
def run(
    client: AsyncClient,
    *,
    image: str,
    command: tuple[str, ...],
    name: str | None,
    cpu: str,
    memory: str | None,
    gpu: int | None,
    variables: tuple[str, ...],
    dry_run: str | None,
    wait: bool,
    follow: bool,
    output: str | None,
) -> None:
    """Run a task, as in `kubectl mltask run IMAGE -- COMMAND ARGS`.

    The task gets one Pod with these requests, which is deleted when the task ends. Without --wait
    or --follow the command returns as soon as the task is there.
    """
    check(output, follow=follow)
    requests = {"cpu": cpu, "memory": memory, GPU: gpu and str(gpu)}
    try:
        task = new_task(
            name or prefix_from(image),
            image,
            command,
            requests={resource: amount for resource, amount in requests.items() if amount},
            env=dict(_variable(text) for text in variables),
        )
    except ValidationError as error:
        raise click.UsageError(faults(error)) from error
    if dry_run:
        click.echo(as_json(to_json(task)) if output else as_yaml(to_json(task)))
        return
    perform(client, _submit, task=task, wait=wait, follow=follow, output=output)


async def _submit(
    client: AsyncClient, *, task: MLTask, wait: bool, follow: bool, output: str | None
) -> int:
    created = await client.submit(task)
    return await see_to_end(client, created, wait=wait, follow=follow, output=output)


def prefix_from(image: str) -> str:
    """Return the beginning of a task's name, made of its image's: `busybox-` of busybox:1.37."""
    last = re.split(r"[:@]", image.rpartition("/")[2])[0]
    word = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    return f"{word[:MAX_PREFIX_LENGTH].rstrip('-') or 'task'}-"


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--env")
    return name, value
