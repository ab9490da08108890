"""What the project wants of itself, and whether the figures say that it is so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.throughput.figures import Figures, middle
from benchmarks.throughput.results import Results


@dataclass(frozen=True)
class Target:
    """One figure, with what it was to be."""

    what: str
    target: str
    measured: str
    is_met: bool

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Return it as a line of a table."""
        return self.what, self.measured, self.target, "met" if self.is_met else "**missed**"


def targets(results: Results) -> list[Target]:
    """Return all of them."""
    return [*timed(results), *counted(results)]


def timed(results: Results) -> Iterator[Target]:
    """Yield what a busy or a slow machine may miss."""
    jobs, tasks = results.of("Job"), results.of("MLTask")
    yield from _beside_jobs(jobs, tasks)
    steady = results.steady.to_gone_p99
    yield Target(
        "ended → gone at 10 tasks a second, p99", "below 0.3 s", f"{steady:.3f} s", steady < 0.3
    )
    cpu = middle(tasks, lambda f: f.cpu_ms["operator"])
    yield Target("operator's CPU per task", "at most 3 ms", f"{cpu:.2f} ms", cpu <= 3)
    if (memory := results.kb_per_finished_task) is not None:
        yield Target(
            "operator's memory per finished task", "at most 4 kB", f"{memory:.1f} kB", memory <= 4
        )
    if len(results.many) > 1:
        yield from _linear(results)


def counted(results: Results) -> Iterator[Target]:
    """Yield what does not depend on how fast the machine is."""
    tasks, quick = results.of("MLTask"), results.within_a_second
    most = max(figures.writes for figures in tasks)
    yield Target("writes per task", "at most 5", f"{most:.2f}", most <= 5)
    # Where the machine is busy, some do take longer, and it is told of them that they run.
    yield Target(
        "writes per task that ends within a second",
        "at most 4",
        f"{quick.writes:.2f}",
        quick.writes <= 4 + quick.lasting,
    )
    reads = max(figures.reads for figures in tasks)
    # Now and then it lists everything, which is not for any one task.
    yield Target("reads per task", "0", f"{reads:.3f}", reads < 0.01)
    runs = [*tasks, quick, results.steady, *results.other_counts]
    yield Target(
        "allocations and releases of n MLTasks",
        "n and n",
        *_exactly([(f.allocations, f.releases) for f in runs], [(f.tasks, f.tasks) for f in runs]),
    )
    n = results.plan.in_steps
    yield Target(
        f"allocations of n tasks in MLTasks of {', '.join(map(str, results.by_steps))} steps each",
        "n/b",
        *_exactly(
            [(f.allocations, f.releases) for f in results.by_steps.values()],
            [(n // steps, n // steps) for steps in results.by_steps],
        ),
    )


def _exactly(counts: Sequence[object], wanted: Sequence[object]) -> tuple[str, bool]:
    off = sum(one != other for one, other in zip(counts, wanted, strict=True))
    return f"{off} of {len(counts)} runs are off" if off else "exactly", not off


def _beside_jobs(jobs: Sequence[Figures], tasks: Sequence[Figures]) -> Iterator[Target]:
    ratio = middle(tasks, lambda f: f.per_second) / middle(jobs, lambda f: f.per_second)
    yield Target("throughput, as a multiple of Job's", "at least 1.5", f"{ratio:.2f}", ratio >= 1.5)
    for what, figure in (
        ("created → Pod, p99, as a share of Job's", lambda f: f.to_pod_p99),
        ("ended → gone, p99, as a share of Job's", lambda f: f.to_gone_p99),
    ):
        share = middle(tasks, figure) / middle(jobs, figure)
        yield Target(what, "below 0.5", f"{share:.2f}", share < 0.5)


def _linear(results: Results) -> Iterator[Target]:
    exponent = results.exponent
    yield Target(
        "exponent of wall time against n, from 1,000 on",
        "1.00 ± 0.05",
        f"{exponent:.3f}",
        abs(exponent - 1) <= 0.05,
    )
    for what, values in (
        ("wall time per task, from 1,000 on", [f.wall / f.tasks for f in results.many]),
        ("operator's CPU per task, from 1,000 on", [f.cpu_ms["operator"] for f in results.many]),
    ):
        off = max(values) / min(values) - 1
        yield Target(what, "flat within 15 %", f"{off * 100:.0f} %", off <= 0.15)
