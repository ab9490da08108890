"""A picture of the Grafana dashboard's panels, without Grafana: python -m benchmarks.dashboard."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from benchmarks import load, pictures
from benchmarks.dashboard.answers import Answer, ask
from benchmarks.dashboard.picture import draw
from benchmarks.dashboard.traffic import play
from localcluster import Cluster, ClusterError
from localcluster.operator_process import OperatorProcess, define, free_port
from localcluster.prometheus import Prometheus, prometheus

LEASE = "--lease=default/mltask-operator"
REPLICAS = ("replica-0", "replica-1")
SCRAPED_SECONDS = 30
HANDOVER = 0.6
"""After what part of the time the leader is stopped, as in an upgrade."""


@click.command()
@click.option(
    "--seconds",
    type=click.IntRange(min=60, max=600),
    default=150,
    show_default=True,
    help="How long tasks come and go.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=pictures.PICTURES / "dashboard.svg",
    help="Where the picture goes; docs/pictures/dashboard.svg by default.",
)
def main(*, seconds: int, output: Path) -> None:
    """Ask a real Prometheus the queries of the dashboard's panels, and draw the answers.

    Two replicas of the operator see to tasks on simulated nodes meanwhile. A panel whose query has
    no series is an error; one whose series are 0 is told of.
    """
    try:
        with Cluster.start(real_node=False) as cluster:
            answers = watch(cluster, seconds)
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    with pictures.style():
        pictures.save(draw(answers, seconds), output)
    print(f"{len(answers)} panels, {output.stat().st_size / 1000:.0f} kB: {output}")
    for answer in answers:
        for line in (each for each in answer.lines if each.is_zero):
            print(f"0 all the time: {answer.panel.title}, {line.name}")


def watch(cluster: Cluster, seconds: int) -> list[Answer]:
    """Return what each panel shows of so many seconds. Raise ClusterError for one without data."""
    define(cluster)
    with _monitored(cluster) as (site, server):
        _wait_until_scraped(server)
        start = int(time.time())
        asyncio.run(_busy(cluster, site, seconds))
        return ask(server, start, seconds)


def _wait_until_scraped(server: Prometheus) -> None:
    deadline = time.monotonic() + SCRAPED_SECONDS
    # The second one, so that what the first one counts has something to be compared with.
    while len(server.query("count_over_time(up[1m]) >= 2 and up == 1")) < len(REPLICAS):
        if time.monotonic() > deadline:
            raise ClusterError(f"Prometheus does not reach all of {', '.join(REPLICAS)}")
        time.sleep(0.2)


class Site:
    """Two replicas of the operator, each with a port for its metrics."""

    def __init__(self, cluster: Cluster) -> None:
        self.ports = {name: free_port() for name in REPLICAS}
        self._cluster = cluster
        self._running = {name: self._start(name) for name in REPLICAS}

    def hand_over(self) -> None:
        """Stop the replica that leads, and start it anew."""
        first = REPLICAS[0]
        self._running[first].stop()
        self._running[first] = self._start(first)

    def stop(self) -> None:
        """End them."""
        for operator in self._running.values():
            operator.stop()

    def _start(self, name: str) -> OperatorProcess:
        return OperatorProcess.start(
            self._cluster.kubeconfig,
            self._cluster.state / "logs" / f"{name}.log",
            options=(f"--metrics-port={self.ports[name]}", LEASE),
            ends_with=self._cluster,
        )


@contextmanager
def _monitored(cluster: Cluster) -> Iterator[tuple[Site, Prometheus]]:
    with ExitStack() as stack:
        site = Site(cluster)
        stack.callback(site.stop)
        yield site, stack.enter_context(prometheus(site.ports, cluster.state, ends_with=cluster))


async def _busy(cluster: Cluster, site: Site, seconds: int) -> None:
    async def hand_over() -> None:
        await asyncio.sleep(seconds * HANDOVER)
        await asyncio.to_thread(site.hand_over)

    async with load.client(cluster) as api, asyncio.TaskGroup() as group:
        group.create_task(play(api, seconds))
        group.create_task(hand_over())


if __name__ == "__main__":
    main()
