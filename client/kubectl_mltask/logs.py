"""`kubectl mltask logs`: the log of a task, live or kept."""

import click

from kubectl_mltask.edge import on_cluster, on_interrupt, say
from kubectl_mltask.ending import write_log
from mltask import AsyncClient


@click.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Write on until the task is finished.")
@on_cluster
async def logs(client: AsyncClient, name: str, *, follow: bool) -> int:
    """Write the log of a task.

    While its Pod is there, that is the Pod's log, of all steps one after another. Afterwards it is
    what the status has kept: the end of the log of a failed task.
    """
    task = await client.get(name)
    with on_interrupt(f"MLTask {name} runs on."):
        if await write_log(client, task, follow=follow):
            return 0
    status = (await client.get(name)).status
    if not status.is_finished:
        why = f", {status.reason}" if status.reason else ""
        say(f"MLTask {name} has no log yet: {status.phase}{why}.")
    elif status.result:
        say(f"MLTask {name} has {status.phase}, and its log went with its Pod. Its result:")
        say(status.result.rstrip())
    else:
        say(f"MLTask {name} has {status.phase}, and its log went with its Pod.")
    return 0
