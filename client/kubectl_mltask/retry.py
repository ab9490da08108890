"""`kubectl mltask retry`: do again what a finished task was to do."""

import click

from kubectl_mltask.edge import perform, where_options
from kubectl_mltask.ending import check, ending_options, see_to_end
from mltask import AsyncClient


@click.command()
@click.argument("name")
@ending_options
@where_options
def retry(client: AsyncClient, *, name: str, wait: bool, follow: bool, output: str | None) -> None:
    """Create a new task with the spec of a finished one.

    A finished task never runs again, so the new one has a name of its own: train, train-r1,
    train-r2. Whatever is to be tried again by itself belongs into spec.backoffLimit.
    """
    check(output, follow=follow)
    perform(client, _retry, name=name, wait=wait, follow=follow, output=output)


async def _retry(
    client: AsyncClient, *, name: str, wait: bool, follow: bool, output: str | None
) -> int:
    task = await client.retry(name)
    return await see_to_end(client, task, wait=wait, follow=follow, output=output)
