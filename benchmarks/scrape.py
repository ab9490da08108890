"""What one scrape of the metrics costs among finished tasks: python -m benchmarks.scrape."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks import load, machine, options, page
from benchmarks.throughput.footprint import footprints
from localcluster import Cluster, ClusterError
from localcluster.loopback import urlopen
from localcluster.operator_process import OperatorProcess, define, free_port

NAMESPACE = "default"
SCRAPES = 30
RENDERED_SECONDS = 1.1
"""Between two scrapes: the operator renders its metrics at most once a second."""
KNOWN_SECONDS = 120
REST_SECONDS = 5
"""Until what an operator does at its start is over."""
PAGE = page.PAGE.with_name("metrics.md")


@dataclass(frozen=True)
class Cost:
    """What scrapes of an idle operator took, each of which it rendered."""

    finished: int
    median_ms: float
    most_ms: float
    cpu_ms: float
    """The operator's CPU time for each, with all else that it did until the next."""
    bytes: int
    series: int


@click.command()
@click.option("--finished", default=2000, show_default=True, help="How many finished tasks.")
@options.output(__file__)
@click.option("--write", is_flag=True, help="Write the table into docs/metrics.md.")
def main(*, finished: int, output: Path, write: bool) -> None:
    """Scrape an operator that knows of no task, and one that knows of many."""
    try:
        with Cluster.start(real_node=False) as cluster:
            where = machine.describe(cluster)
            costs = asyncio.run(measure(cluster, finished))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    figures = {"machine": where, "costs": [asdict(each) for each in costs]}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(text := table(costs))
    if write:
        page.put("scrape", "make dashboard", text, PAGE)


async def measure(cluster: Cluster, finished: int) -> list[Cost]:
    """Return the cost of a scrape among no tasks, and among so many that have finished."""
    define(cluster)
    async with load.client(cluster) as api:
        with _operator(cluster) as (operator, url):
            empty = _cost(operator, url, 0)
        # While no operator runs: it would begin with them before they have finished.
        await load.add_finished(api, NAMESPACE, finished)
        with _operator(cluster) as (operator, url):
            _wait_until_known(url, finished)
            await asyncio.sleep(REST_SECONDS)
            return [empty, _cost(operator, url, finished)]


def table(costs: list[Cost]) -> str:
    """Return the costs as a Markdown table."""
    head = ("finished tasks", "median", "most", "operator's CPU", "size", "series")
    rows = (
        (
            f"{cost.finished:,}",
            f"{cost.median_ms:.1f} ms",
            f"{cost.most_ms:.1f} ms",
            f"{cost.cpu_ms:.1f} ms",
            f"{cost.bytes / 1000:.1f} kB",
            f"{cost.series}",
        )
        for cost in costs
    )
    return page.table(head, rows)


@contextmanager
def _operator(cluster: Cluster) -> Iterator[tuple[OperatorProcess, str]]:
    port = free_port()
    operator = OperatorProcess.start(
        cluster.kubeconfig,
        cluster.state / "logs" / "operator.log",
        options=(f"--metrics-port={port}",),
        ends_with=cluster,
    )
    try:
        yield operator, f"http://127.0.0.1:{port}/metrics"
    finally:
        operator.stop()


def _cost(operator: OperatorProcess, url: str, finished: int) -> Cost:
    _scrape(url)
    took, text = [], ""
    with footprints({"operator": operator.pid}) as taken:
        for _ in range(SCRAPES):
            begun = time.perf_counter()
            text = _scrape(url)
            took.append((time.perf_counter() - begun) * 1000)
            time.sleep(RENDERED_SECONDS)
    cpu = taken["operator"].cpu_seconds * 1000 / SCRAPES
    series = sum(not line.startswith("#") for line in text.splitlines())
    return Cost(finished, statistics.median(took), max(took), cpu, len(text.encode()), series)


def _scrape(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def _wait_until_known(url: str, finished: int) -> None:
    deadline = time.monotonic() + KNOWN_SECONDS
    while _tasks(_scrape(url)) < finished:
        if time.monotonic() > deadline:
            raise ClusterError(f"the operator does not know of all {finished} tasks")
        time.sleep(0.5)


def _tasks(text: str) -> float:
    lines = (line for line in text.splitlines() if line.startswith("mltask_tasks{"))
    return sum(float(line.rpartition(" ")[2]) for line in lines)


if __name__ == "__main__":
    main()
