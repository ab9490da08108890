"""Whether an operator that runs for long grows or slows down: python -m benchmarks.soak.

So many tasks are alive all the time: one that ends makes room for the next. What the operator
holds is sampled from within (benchmarks/inside.py), and how long tasks waited for it is read off
the audit log afterwards. The first tenth of the run is the warm-up and counts for nothing.
"""

import asyncio
import bisect
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import click

from benchmarks import inside, load, machine, options, page, trend
from benchmarks.inside import Sample
from benchmarks.latency import Times, times_of_tasks
from localcluster import Cluster, ClusterError
from localcluster.operator_process import OperatorProcess, define
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api

NAMESPACE = "default"
TTL_SECONDS = 2
"""Short, so that how many tasks are known follows from how many are alive, and not from how many
end in a second: memory follows that."""
DELETED_SECONDS = 120
REST_SECONDS = 18
LONGEST_REST_SECONDS = 40
"""Connections that nobody uses are looked for every 15 s, and closed when they are 15 s old."""

FLAT = 100.0
"""kB per 1,000 tasks. One that was never forgotten would take ten times as much."""
KEPT = 4000.0
"""kB per 1,000 tasks that are kept."""
NOT_SLOWER, TAIL_NOT_SLOWER, NOT_MORE = 1.5, 2.0, 1.5
"""The last tenth over the first one. The same machine is a third faster in one minute than in
another."""


@dataclass(frozen=True)
class Soak:
    """What was seen of one run."""

    tasks: int
    alive: int
    is_kept: bool
    """Whether the finished tasks stayed in the cluster."""
    before: Sample
    """At rest, before the first task."""
    during: list[Sample]
    after: Sample
    """At rest again, after the last."""
    times: list[Times]


@dataclass(frozen=True)
class Check:
    """One figure, early and late, and what it was to be."""

    figure: str
    early: str
    late: str
    target: str
    is_met: bool


@click.command()
@click.option("--tasks", default=20_000, show_default=True, help="How many tasks there are.")
@click.option("--alive", default=300, show_default=True, help="How many at a time.")
@click.option("--keep", is_flag=True, help="Leave the finished tasks in the cluster.")
@options.output(__file__)
@options.write
def main(*, tasks: int, alive: int, keep: bool, output: Path, write: bool) -> None:
    """Run many tasks through one operator; exit with 1 where something grows or slows down."""
    try:
        with Cluster.start(real_node=False, simulated_nodes=4) as cluster:
            where = machine.describe(cluster)
            seen = asyncio.run(soak(cluster, tasks, alive, None if keep else TTL_SECONDS))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    found = checks(seen)
    figures = {"machine": where, "tasks": tasks, "checks": [asdict(each) for each in found]}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(text := f"{headline(seen)}\n\n{table(found)}")
    if write:
        page.put("soak", "make soak", text)
    sys.exit(not all(each.is_met for each in found))


async def soak(cluster: Cluster, tasks: int, alive: int, ttl: int | None) -> Soak:
    """Run so many tasks, and as many more as are alive, so that the last of them have company."""
    define(cluster)
    path = cluster.state / "soak.samples"
    operator = OperatorProcess.start(
        cluster.kubeconfig,
        cluster.state / "logs" / "operator.log",
        ends_with=cluster,
        program=inside.command(path),
    )
    try:
        async with load.client(cluster) as api:
            before = await _at_rest(path)
            begun = time.time()
            await load.run(api, NAMESPACE, tasks + alive, alive, ttl, operator.raise_if_ended)
            if ttl is not None:
                await _until_deleted(api)
            after = await _at_rest_again(path, before.sockets)
    finally:
        operator.stop()
    times = times_of_tasks(cluster.audit_log.events())
    if len(times) != tasks + alive:
        raise ClusterError(f"{len(times)} of {tasks + alive} tasks had a Pod that has gone")
    during = [each for each in inside.samples(path) if begun < each.at < times[tasks].created]
    return Soak(tasks, alive, ttl is None, before, during, after, times[:tasks])


async def _until_deleted(api: Api) -> None:
    for _ in range(DELETED_SECONDS):
        if not (await api.request("GET", f"{paths.tasks(NAMESPACE)}?limit=1"))["items"]:
            return
        await asyncio.sleep(1)
    raise ClusterError("finished tasks are not deleted")


async def _at_rest(path: Path) -> Sample:
    await asyncio.sleep(REST_SECONDS)
    return inside.samples(path)[-1]


async def _at_rest_again(path: Path, sockets: int) -> Sample:
    last = await _at_rest(path)
    deadline = last.at + LONGEST_REST_SECONDS - REST_SECONDS
    while last.sockets > sockets and last.at < deadline:
        await asyncio.sleep(1)
        last = inside.samples(path)[-1]
    return last


def checks(seen: Soak) -> list[Check]:
    """Hold the run against what was promised."""
    return [_memory(seen), *_counts(seen), *_latencies(seen), *_left_behind(seen)]


def _memory(seen: Soak) -> Check:
    created = [each.created for each in seen.times]
    so_far = [bisect.bisect(created, each.at) / 1000 for each in seen.during]
    line = trend.slope(list(zip(so_far, (each.memory for each in seen.during), strict=True)))
    bound = KEPT if seen.is_kept else FLAT
    early, late = trend.early_and_late(seen.during, partial(_mean, _megabytes))
    return Check(
        figure=f"resident memory: {line.value:+.0f} ± {line.error:.0f} kB per 1,000 tasks",
        early=f"{early:.1f} MB",
        late=f"{late:.1f} MB",
        target=f"at most {bound:.0f} kB per 1,000 tasks",
        is_met=line.at_most <= bound,
    )


def _megabytes(sample: Sample) -> float:
    return sample.memory / 1000


def _mean(value: Callable[[Sample], float], samples: Sequence[Sample]) -> float:
    return fmean(map(value, samples))


def _counts(seen: Soak) -> Iterator[Check]:
    counted: dict[str, Callable[[Sample], float]] = {
        "open sockets": lambda each: each.sockets,
        "asyncio tasks": lambda each: each.asyncio_tasks,
    }
    if not seen.is_kept:
        counted["entries in the store"] = lambda each: each.entries
    for what, value in counted.items():
        early, late = trend.early_and_late(seen.during, partial(_mean, value))
        yield Check(what, f"{early:.0f}", f"{late:.0f}", _times(NOT_MORE), late <= early * NOT_MORE)


def _latencies(seen: Soak) -> Iterator[Check]:
    for what, waits in (
        ("created → Pod", [each.pod_created - each.created for each in seen.times]),
        ("ended → gone", [each.gone - each.ended for each in seen.times]),
    ):
        for percent, factor in ((50, NOT_SLOWER), (99, TAIL_NOT_SLOWER)):
            early, late = trend.early_and_late(waits, partial(trend.percentile, percent))
            figure, is_met = f"{what}, p{percent}", late <= early * factor
            yield Check(figure, f"{early:.2f} s", f"{late:.2f} s", _times(factor), is_met)


def _times(factor: float) -> str:
    return f"at most {factor:g} times as much"


def _left_behind(seen: Soak) -> Iterator[Check]:
    figures = {
        "at rest: open sockets": (seen.before.sockets, seen.after.sockets),
        "at rest: asyncio tasks": (seen.before.asyncio_tasks, seen.after.asyncio_tasks),
    }
    if not seen.is_kept:
        figures["at rest: entries in the store"] = (seen.before.entries, seen.after.entries)
    for what, (before, after) in figures.items():
        yield Check(what, str(before), str(after), "as before the first task", after <= before)


def headline(seen: Soak) -> str:
    """Say in a line what ran, and how fast."""
    wall = seen.times[-1].gone - seen.times[0].created
    stay = "stayed in the cluster" if seen.is_kept else f"were deleted {TTL_SECONDS} s later"
    return (
        f"{seen.tasks:,} tasks through one operator, {seen.alive} at a time, in {wall:.0f} s: "
        f"{seen.tasks / wall:.0f} a second. Those that had finished {stay}."
    )


def table(found: Sequence[Check]) -> str:
    """Return the checks as a Markdown table."""
    head = ("", "after the warm-up", "at the end", "target", "")
    rows = (
        (each.figure, each.early, each.late, each.target, "met" if each.is_met else "**missed**")
        for each in found
    )
    return page.table(head, rows)


if __name__ == "__main__":
    main()
