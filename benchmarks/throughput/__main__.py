"""How fast MLTasks are, beside Jobs and bare Pods: python -m benchmarks.throughput."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks import options
from benchmarks.throughput import report
from benchmarks.throughput.measure import STEPS_PER_MLTASK, measure
from benchmarks.throughput.results import Plan
from benchmarks.throughput.targets import targets
from localcluster import Cluster, ClusterError


@click.command()
@click.option(
    "--tasks",
    type=click.IntRange(min=2 * max(STEPS_PER_MLTASK)),
    default=1000,
    show_default=True,
    help="How many there are in a round.",
)
@click.option("--rounds", default=5, show_default=True, help="How often each contestant plays.")
@click.option("--most", default=10_000, show_default=True, help="How many tasks there are at most.")
@click.option(
    "--steady-seconds", default=30, show_default=True, help="How long tasks come steadily."
)
@options.output(str(Path(__file__).parent))
@options.write
def main(
    *, tasks: int, rounds: int, most: int, steady_seconds: int, output: Path, write: bool
) -> None:
    """Measure on simulated nodes; exit with 1 where a target is missed."""
    plan = Plan(tasks, rounds, most, steady_seconds)
    try:
        with Cluster.start(real_node=False, simulated_nodes=4) as cluster:
            results = asyncio.run(measure(cluster, plan))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    found = targets(results)
    figures = {**asdict(results), "targets": [asdict(each) for each in found]}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\n{report.targets_table(results)}")
    if write:
        report.write(results)
    sys.exit(not all(each.is_met for each in found))


if __name__ == "__main__":
    main()
