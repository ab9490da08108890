"""How fast MLTasks are, beside Jobs and bare Pods: python -m benchmarks.throughput.

Everything runs on simulated nodes. The contestants take turns, since a machine is faster in one
minute than in another.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks import machine
from benchmarks.batching import OPERATOR, start_operator
from benchmarks.throughput import report
from benchmarks.throughput.contestants import FLOOR, JOB, Contestant, mltasks
from benchmarks.throughput.figures import Figures, figures
from benchmarks.throughput.results import Results
from benchmarks.throughput.rounds import Arena, Load
from localcluster import Cluster, ClusterError

COMPONENTS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler")
MLTASK = mltasks(OPERATOR)
STEPS_PER_MLTASK = (1, 10, 50)
STEP_SECONDS = 0.1
LIMITS_AS_SHIPPED = ("--kube-api-qps=20", "--kube-api-burst=30")
"""Of the controller manager; the local cluster lifts them."""


@click.command()
@click.option("--tasks", default=1000, show_default=True, help="How many there are in a round.")
@click.option("--rounds", default=5, show_default=True, help="How often each contestant plays.")
@click.option("--most", default=10_000, show_default=True, help="How many tasks there are at most.")
@click.option(
    "--steady-seconds", default=60, show_default=True, help="How long tasks come steadily."
)
@click.option("--page/--no-page", default=False, help="Whether docs/performance.md is written.")
def main(*, tasks: int, rounds: int, most: int, steady_seconds: int, page: bool) -> None:
    """Measure, and print what was aimed at beside it."""
    try:
        results = asyncio.run(measure(tasks, rounds, most, steady_seconds))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    if page:
        Path(__file__).with_name("results.json").write_text(json.dumps(asdict(results), indent=1))
        report.write(results)
    print(report.targets_table(results))


async def measure(tasks: int, rounds: int, most: int, steady_seconds: int) -> Results:
    """Run everything, with `rounds` of so many tasks and up to `most` of them at once."""
    job_as_shipped = await _job_as_shipped(tasks // 10)
    with Cluster.start(real_node=False, simulated_nodes=4) as cluster, _operator(cluster) as pid:
        pids = {"operator": pid, **{name: cluster.pid(name) for name in COMPONENTS}}
        async with Arena.open(cluster, pids) as arena:

            async def play(contestant: Contestant, load: Load) -> Figures:
                played = figures(contestant, await arena.play(contestant, load))
                print(f"{played.contestant}, {load}: {played.per_second:.1f} tasks/s", flush=True)
                return played

            at_once = Load(tasks)
            contest = [
                await play(contestant, at_once)
                for _ in range(rounds)
                for contestant in (FLOOR, JOB, MLTASK)
            ]
            return Results(
                machine.describe(cluster),
                contest,
                job_as_shipped,
                within_a_second=await play(MLTASK, Load(tasks // 5, run_seconds=0)),
                steady=await play(MLTASK, Load(10 * steady_seconds, per_second=10)),
                by_count=[await play(MLTASK, Load(count)) for count in _counts(most)],
                by_steps={
                    steps: await play(mltasks(OPERATOR, steps), Load(tasks // steps, STEP_SECONDS))
                    for steps in STEPS_PER_MLTASK
                },
            )


async def _job_as_shipped(tasks: int) -> Figures:
    manager = "kube-controller-manager"
    with Cluster.start(real_node=False, simulated_nodes=4) as cluster:
        cluster.stop_component(manager)
        cluster.start_component(manager, *LIMITS_AS_SHIPPED)
        pids = {name: cluster.pid(name) for name in COMPONENTS}
        async with Arena.open(cluster, pids) as arena:
            return figures(JOB, await arena.play(JOB, Load(tasks)))


@contextmanager
def _operator(cluster: Cluster) -> Iterator[int]:
    operator = start_operator(cluster)
    try:
        yield operator.pid
    finally:
        operator.stop()


def _counts(most: int) -> Iterator[int]:
    count = 10
    while count <= most:
        yield count
        if 1000 <= count < most:
            yield 3 * count
        count *= 10


if __name__ == "__main__":
    main()
