"""How an operator starts among finished tasks, and takes over: python -m benchmarks.start."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks import inside, load, machine, options, page
from benchmarks.inside import Sample
from localcluster import Cluster, ClusterError
from localcluster.operator_process import OperatorProcess, define
from mltask_operator.cli import LEASE_SECONDS
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api

NAMESPACE = "default"
LEASE = ("--lease=default/mltask-operator", f"--lease-seconds={LEASE_SECONDS}")
"""As the chart has it."""
QUIET_SECONDS = 15

READY = 20.0
TAKEN_OVER = LEASE_SECONDS + 5.0
MEGABYTES = 250.0
KILOBYTES_PER_TASK = 4.0


@dataclass(frozen=True)
class Start:
    """What one start took; seconds count from the start of the process."""

    finished: int
    ready: float
    """Until the probe of the chart is answered with 200."""
    first_pod: float
    """Until a task that was created the moment it was ready has its Pod."""
    settled: float
    """Resident memory in kB, once it does not change any more."""
    peak: float
    """The most that it ever was."""


@dataclass(frozen=True)
class Starts:
    """Among no tasks, and among many that have finished."""

    empty: Start
    full: Start
    taken_over: float
    """Seconds from the death of the leader until a new task has its Pod from the other one."""

    @property
    def per_task(self) -> float:
        """Memory in kB that a finished task takes."""
        return (self.full.settled - self.empty.settled) / self.full.finished


@click.command()
@click.option("--finished", default=50_000, show_default=True, help="How many finished tasks.")
@options.output(__file__)
@options.write
def main(*, finished: int, output: Path, write: bool) -> None:
    """Start operators in a cluster with finished tasks; exit with 1 where a target is missed."""
    try:
        with Cluster.start(real_node=False) as cluster:
            where = machine.describe(cluster)
            seen = asyncio.run(measure(cluster, finished))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    output.write_text(json.dumps({"machine": where, **asdict(seen)}, indent=2) + "\n")
    print(text := table(seen))
    if write:
        page.put("start", "make soak", text)
    sys.exit("missed" in text)


async def measure(cluster: Cluster, finished: int) -> Starts:
    """Start an operator among no tasks, then among so many, then let another take over there."""
    define(cluster)
    async with load.client(cluster) as api:
        empty = await start(cluster, api, 0)
        await load.add_finished(api, NAMESPACE, finished)
        full = await start(cluster, api, finished)
        return Starts(empty, full, await fail_over(cluster, api, finished))


def table(seen: Starts) -> str:
    """Return the starts as a Markdown table."""
    empty, full = seen.empty, seen.full
    figures = (
        ("ready: `/healthz` answers", "s", empty.ready, full.ready, READY),
        ("a task created then has its Pod", "s", empty.first_pod, full.first_pod, READY),
        ("memory, settled", "MB", empty.settled / 1000, full.settled / 1000, MEGABYTES),
        ("memory, at its peak", "MB", empty.peak / 1000, full.peak / 1000, MEGABYTES),
        ("memory per finished task", "kB", None, seen.per_task, KILOBYTES_PER_TASK),
        ("the leader dies: the other makes a Pod", "s", None, seen.taken_over, TAKEN_OVER),
    )
    rows = (
        (
            what,
            f"{before:.1f} {unit}" if before is not None else "",
            f"{value:.1f} {unit}",
            f"at most {most:g} {unit}",
            "met" if value <= most else "**missed**",
        )
        for what, unit, before, value, most in figures
    )
    head = ("", "no tasks", f"{full.finished:,} finished tasks", "target", "")
    return page.table(head, rows)


async def start(cluster: Cluster, api: Api, finished: int) -> Start:
    """Start an operator, let it work on one task, and wait until its memory has settled."""
    begun = time.monotonic()
    operator = _operator(cluster, f"start-{finished}")
    try:
        ready = time.monotonic() - begun
        # In the order of the listing it comes after those that have finished.
        await _run_one(api, f"later-{finished}")
        first_pod = time.monotonic() - begun
        last = await _settle(cluster, f"start-{finished}", finished)
        return Start(finished, ready, first_pod, last.memory, last.peak)
    finally:
        operator.stop()


async def fail_over(cluster: Cluster, api: Api, finished: int) -> float:
    """Kill the leader of two operators; return how long a new task then waits for its Pod."""
    leader = _operator(cluster, "leader", *LEASE)
    await _run_one(api, "led")
    standby = _operator(cluster, "standby", *LEASE)
    await _settle(cluster, "standby", finished)
    try:
        begun = time.monotonic()
        leader.kill()
        await _run_one(api, "failed-over")
        return time.monotonic() - begun
    finally:
        standby.stop()


def _operator(cluster: Cluster, name: str, *options: str) -> OperatorProcess:
    return OperatorProcess.start(
        cluster.kubeconfig,
        cluster.state / "logs" / f"{name}.log",
        options=options,
        ends_with=cluster,
        program=inside.command(_samples(cluster, name)),
    )


def _samples(cluster: Cluster, name: str) -> Path:
    return cluster.state / f"{name}.samples"


async def _run_one(api: Api, name: str) -> None:
    """Create a task and wait for its Pod."""
    await load.create(api, NAMESPACE, load.task(name))
    path = f"{paths.pods(NAMESPACE)}?labelSelector=mltask.dev/task={name}"
    deadline = time.monotonic() + 120
    while not (await api.request("GET", path))["items"]:
        if time.monotonic() > deadline:
            raise ClusterError(f"no Pod for the task {name}")
        await asyncio.sleep(0.02)


async def _settle(cluster: Cluster, name: str, finished: int) -> Sample:
    """Return a sample of the operator once it knows them all and has not grown for a while."""
    while True:
        await asyncio.sleep(1)
        taken = inside.samples(_samples(cluster, name))
        recent = [each.memory for each in taken if each.at > time.time() - QUIET_SECONDS]
        is_quiet = len(recent) > QUIET_SECONDS / 2 and max(recent) < 1.01 * min(recent)
        if is_quiet and taken[-1].entries >= finished:
            return taken[-1]


if __name__ == "__main__":
    main()
