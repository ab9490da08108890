"""`kubectl mltask cancel`: end tasks that are not finished."""

import click

from kubectl_mltask.edge import NOT_DONE, perform, say, selector_option, where_options
from kubectl_mltask.output import as_json, as_list
from mltask import AlreadyFinished, AsyncClient, Refused


@click.command()
@click.argument("names", nargs=-1)
@selector_option
@click.option("-o", "--output", type=click.Choice(["json"]), help="Write what was cancelled so.")
@where_options
def cancel(
    client: AsyncClient, *, names: tuple[str, ...], selector: str, output: str | None
) -> None:
    """Delete tasks that are not finished, and with them their Pods.

    A finished task is left alone, so that no result is lost. To stop a task and keep it, suspend
    it: kubectl patch mltask NAME --type=merge -p '{"spec":{"suspend":true}}'
    """
    if bool(names) == bool(selector):
        raise click.UsageError("name the tasks, or choose them with --selector")
    perform(client, _cancel, names=names, selector=selector, output=output)


async def _cancel(
    client: AsyncClient, *, names: tuple[str, ...], selector: str, output: str | None
) -> int:
    if selector:
        found = await client.list(selector)
        names = tuple(t.metadata.name or "" for t in found if not t.status.is_finished)
        if not names:
            say(f"No task with {selector} in namespace {client.namespace} is to be cancelled.")
    cancelled = []
    code = 0
    for name in names:
        try:
            cancelled.append(await client.cancel(name))
        except (AlreadyFinished, Refused) as error:
            # It may have been finished, or deleted, since it was listed: then all is well.
            if not (selector and (isinstance(error, AlreadyFinished) or error.code == 404)):
                say(f"error: {error}")
                code = NOT_DONE
        else:
            if not output:
                click.echo(f"mltask.mltask.dev/{name} cancelled")
    if output:
        click.echo(as_json(as_list(cancelled)))
    return code
