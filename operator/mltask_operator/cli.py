"""The console script `mltask-operator`."""

import asyncio
import contextlib
import functools
import logging
import os
import re
import socket
import sys
import uuid
from collections.abc import Iterator, Sequence

import click

from mltask_operator import __version__, files, heap
from mltask_operator.access.credentials import Credentials, NoCredentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.election import Election
from mltask_operator.kube.lease import Lease
from mltask_operator.kube.preflight import (
    NoDefinition,
    NotReady,
    check_cluster,
    check_lease,
    may_list_priorities,
    warn_without_events,
)
from mltask_operator.logs import configure_logging
from mltask_operator.runtime import exposition, health
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.farewell import let_go_of_pods
from mltask_operator.runtime.health import Health
from mltask_operator.runtime.http_server import serving
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.watching import watch

logger = logging.getLogger(__name__)

LEASE_SECONDS = 15

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _checked(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that no namespace can have, and so the patterns that Kopf would accept."""
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise click.BadParameter(f"{name!r} is not the name of a namespace")
    return tuple(dict.fromkeys(names))


@click.group()
@click.version_option(__version__, prog_name="mltask-operator")
def main() -> None:
    """One allocation per machine-learning task on Kubernetes, freed the moment the task ends."""


def _namespace_and_name(
    _: click.Context, __: click.Parameter, text: str | None
) -> tuple[str, str] | None:
    if text is None:
        return None
    namespace, slash, name = text.partition("/")
    if not slash or not _NAMESPACE.fullmatch(namespace) or not _NAMESPACE.fullmatch(name):
        raise click.BadParameter(f"{text!r} is not NAMESPACE/NAME")
    return namespace, name


_of_namespaces = click.option(
    "--namespace",
    "-n",
    "namespaces",
    multiple=True,
    callback=_checked,
    metavar="NAMESPACE",
    help="Serve only this namespace; may be given several times. Without it, serve all.",
)
_under_lease = click.option(
    "--lease",
    callback=_namespace_and_name,
    metavar="NAMESPACE/NAME",
    help="Act only while holding this Lease, so that several operators may run: one leads, the "
    "others stand by. Without it this must be the only operator.",
)


@main.command()
@_of_namespaces
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
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Port of GET /metrics, for Prometheus. Without it there is none.",
)
@_under_lease
@click.option(
    "--lease-seconds",
    type=click.IntRange(3, 3600),
    default=LEASE_SECONDS,
    show_default=True,
    help="How long a leader that has died keeps the Lease.",
)
def run(
    namespaces: tuple[str, ...],
    log_format: str,
    log_level: str,
    health_port: int,
    metrics_port: int | None,
    lease: tuple[str, str] | None,
    lease_seconds: int,
) -> None:
    """Run the operator, with the ambient kubeconfig or the Pod's service account."""
    configure_logging(log_format, log_level)
    heap.keep_compact()
    files.raise_limit()
    with _faults_in_a_line(is_verbose=log_level == "debug"):
        asyncio.run(_run(namespaces, health_port, metrics_port, lease, lease_seconds))


@main.command()
@_of_namespaces
@_under_lease
def let_go(namespaces: tuple[str, ...], lease: tuple[str, str] | None) -> None:
    """Remove the operator's finalizer from all Pods of tasks, before the operator is uninstalled.

    Running Pods finish normally. Their tasks keep their status until an operator is installed
    again and continues with them.
    """
    configure_logging("plain", "info")
    with _faults_in_a_line():
        asyncio.run(_let_go(namespaces, lease))


@contextlib.contextmanager
def _faults_in_a_line(*, is_verbose: bool = False) -> Iterator[None]:
    try:
        yield
    except (NoCredentials, NotReady, OSError) as error:
        logger.error("The operator cannot run: %s", error)
        sys.exit(1)
    except Exception as error:  # any error ends Kopf: log one line, and exit
        logger.error("The operator stops: %s", error, exc_info=is_verbose)
        sys.exit(1)


async def _run(
    namespaces: Sequence[str],
    health_port: int,
    metrics_port: int | None,
    lease: tuple[str, str] | None,
    seconds: int,
) -> None:
    metrics, state = Metrics(), Health()
    note = metrics.note_request
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving(health_port, health.PATH, state.page))
        if metrics_port:
            page = exposition.Exposition(metrics).page
            await stack.enter_async_context(serving(metrics_port, exposition.PATH, page))
        credentials = Credentials()
        await credentials.load()
        # The Lease has its own connections, so that no load on the others delays its renewal.
        api = await stack.enter_async_context(Api(credentials, after_request=note))
        namespaces = await _served(api, namespaces)
        where = f"namespaces {', '.join(namespaces)}" if namespaces else "all namespaces"
        server = credentials.current.host
        logger.info("mltask-operator %s starts, for %s of %s", __version__, where, server)
        election = await _candidacy(api, lease, seconds) if lease else None
        sees_priorities = await may_list_priorities(api, namespaces)
        await warn_without_events(api, namespaces)
        check_leads = election.check_leads if election else None
        async with Api(credentials, check_leads, note) as acting:
            controller = Controller(
                acting,
                namespaces,
                election=election,
                sees_priorities=sees_priorities,
                metrics=metrics,
            )
            await watch(controller, credentials, namespaces, state)
        logger.info("mltask-operator has stopped")


async def _served(api: Api, namespaces: Sequence[str]) -> list[str]:
    try:
        return await check_cluster(api, namespaces)
    except NoDefinition:
        # All tasks were deleted with the CRD, so the garbage collector deletes their Pods. Only the
        # operator removes their finalizer. If that fails, the missing CRD is the error to show.
        with contextlib.suppress(OSError):
            await let_go_of_pods(api, namespaces or (None,), only_deleted=True)
        raise


async def _let_go(namespaces: Sequence[str], lease: tuple[str, str] | None) -> None:
    credentials = Credentials()
    await credentials.load()
    async with Api(credentials) as api:
        # An operator that is still the leader would create more Pods.
        election = await _candidacy(api, lease, LEASE_SECONDS) if lease else None
        check_leads = election.check_leads if election else None
        async with Api(credentials, check_leads) as acting:
            release = functools.partial(let_go_of_pods, acting, namespaces or (None,))
            count = await (election.lead_for(release) if election else release())
        logger.info(
            "removed the tracking finalizer from %d Pods. Running Pods finish normally; tasks "
            "keep their status until the operator is installed again",
            count,
        )


async def _candidacy(api: Api, lease: tuple[str, str], seconds: int) -> Election:
    namespace, name = lease
    await check_lease(api, namespace, name)
    # In a Pod, the host name is the Pod's name.
    identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    return Election(Lease(api, namespace, name, identity, seconds), _end_at_once)


def _end_at_once(why: str) -> None:
    """End the process without another request: another replica may be the leader already."""
    logger.error("stopping: lost the leader Lease: %s", why)
    logging.shutdown()
    os._exit(1)
