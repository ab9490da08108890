"""The console script `mltask-operator`."""

import asyncio
import logging
import re
import socket
import sys
from collections.abc import Sequence

import click

from mltask_operator import __version__
from mltask_operator.kube.api import Api
from mltask_operator.kube.credentials import Credentials, NoCredentials
from mltask_operator.kube.preflight import NotReady, check_cluster, may_list_priorities
from mltask_operator.logs import configure_logging
from mltask_operator.runtime.controller import Controller
from mltask_operator.watching import watch

logger = logging.getLogger(__name__)


_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _checked(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what cannot be a namespace; patterns, which Kopf would read, are not served here."""
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise click.BadParameter(f"{name!r} is not the name of a namespace")
    return tuple(dict.fromkeys(names))


@click.group()
@click.version_option(__version__, prog_name="mltask-operator")
def main() -> None:
    """One allocation per machine-learning task on Kubernetes, freed the moment the task ends."""


@main.command()
@click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    callback=_checked,
    metavar="NAMESPACE",
    help="Serve only this namespace; may be given several times. Without it, serve all.",
)
@click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="Lines for people, or JSON objects for log collectors.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is logged: this level and above.",
)
@click.option(
    "--health-port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Port of GET /healthz, for liveness and readiness probes.",
)
def run(namespaces: tuple[str, ...], log_format: str, log_level: str, health_port: int) -> None:
    """Run the operator, with the ambient kubeconfig or the Pod's service account."""
    configure_logging(log_format, log_level)
    try:
        asyncio.run(_run(namespaces, health_port))
    except (NoCredentials, NotReady, OSError) as error:
        logger.error("The operator cannot run: %s", error)
        sys.exit(1)
    except Exception as error:  # whatever ends Kopf: one line, then a restart by whoever runs us
        logger.error("The operator stops: %s", error, exc_info=log_level == "debug")
        sys.exit(1)


async def _run(namespaces: Sequence[str], health_port: int) -> None:
    with socket.create_server(("", health_port)):
        pass  # Kopf would only fail at it once everything else has begun.
    credentials = Credentials()
    await credentials.load()
    api = Api(credentials)
    try:
        namespaces = await check_cluster(api, namespaces)
        where = f"namespaces {', '.join(namespaces)}" if namespaces else "all namespaces"
        server = credentials.configuration.host
        logger.info("mltask-operator %s starts, for %s of %s", __version__, where, server)
        controller = Controller(api, namespaces, sees_priorities=await may_list_priorities(api))
        await watch(controller, credentials, namespaces, health_port)
        logger.info("mltask-operator has stopped")
    finally:
        await api.close()
