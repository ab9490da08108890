"""Between the command line and the cluster: kubectl's options, errors, exit codes, Ctrl-C."""

import asyncio
import contextlib
import functools
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn

import click

from kubectl_mltask.output import printable
from mltask import AsyncClient, MLTask, MLTaskError, Phase

FAILED = 1
"""A task has failed. A wrong command line or file is 2, as click has it."""
NOT_DONE = 3
"""The API server said no, gave no answer, or what was asked for cannot be done."""
INTERRUPTED = 130
"""As after any SIGINT: 128 and its number."""

Command = Callable[..., Coroutine[Any, Any, int]]

selector_option = click.option(
    "-l", "--selector", default="", metavar="LABELS", help="Only tasks with these labels: k=v,…"
)
everywhere_option = click.option(
    "-A", "--all-namespaces", "everywhere", is_flag=True, help="The tasks of all namespaces."
)


def on_cluster(command: Command) -> Callable[..., None]:
    """Make a command of `async def command(client, …)`, which returns the exit code.

    It gets kubectl's options that say where. Errors end it with one message and their exit code.
    """

    @functools.wraps(command)
    def called(client: AsyncClient, **options: Any) -> None:
        perform(client, command, **options)

    return where_options(called)


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add kubectl's options that say where; the command gets a client not yet connected."""

    @click.option("--kubeconfig", metavar="FILE", help="The kubeconfig file to use.")
    @click.option("--context", metavar="NAME", help="The context of the kubeconfig to use.")
    @click.option("-n", "--namespace", metavar="NAME", help="Instead of the context's namespace.")
    @functools.wraps(command)
    def called(
        kubeconfig: str | None, context: str | None, namespace: str | None, **options: Any
    ) -> None:
        client = AsyncClient(kubeconfig=kubeconfig, context=context, namespace=namespace)
        command(client, **options)

    return called


def perform(client: AsyncClient, command: Command, **options: Any) -> NoReturn:
    """Connect, run the command, and end the process with its exit code."""

    async def connected() -> int:
        async with client:
            return await command(client, **options)

    try:
        code = asyncio.run(connected())
    except KeyboardInterrupt:
        code = INTERRUPTED
    except MLTaskError as error:
        say(f"error: {error}")
        code = NOT_DONE
    sys.exit(code)


@contextlib.contextmanager
def on_interrupt(what: str) -> Iterator[None]:
    """Tell what goes on, and how to get back to it, where Ctrl-C ends the block."""
    try:
        yield
    except asyncio.CancelledError:
        say(f"\nInterrupted. {what}")
        raise


def say(text: str) -> None:
    """Write a message to standard error, with control characters escaped."""
    click.echo(printable(text), err=True)


def exit_code_of(task: MLTask) -> int:
    """Return how a command ends that waited for this finished task."""
    return 0 if task.status.phase is Phase.SUCCEEDED else FAILED
