"""What the project wants of itself, and whether the figures say that it is so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.throughput.figures import Figures, middle
from benchmarks.throughput.results import Results


@dataclass(frozen=True)
class Target:
    """One of the aims, with what was measured."""

    what: str
    aim: str
    measured: str
    is_met: bool

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Return it as a line of a table."""
        return self.what, self.aim, self.measured, "pass" if self.is_met else "**short**"


def targets(results: Results) -> Iterator[Target]:
    """Yield each aim with what was measured."""
    jobs, tasks = results.of("Job"), results.of("MLTask")
    yield from _beside_jobs(jobs, tasks)
    yield from _requests(tasks, results.within_a_second)
    yield from _costs(tasks, results)
    yield from _linear(results)


def _beside_jobs(jobs: Sequence[Figures], tasks: Sequence[Figures]) -> Iterator[Target]:
    ratio = middle(tasks, lambda f: f.per_second) / middle(jobs, lambda f: f.per_second)
    yield Target("throughput, as a multiple of Job's", "at least 1.5", f"{ratio:.2f}", ratio >= 1.5)
    for what, figure in (
        ("created to Pod, p99, as a share of Job's", lambda f: f.to_pod_p99),
        ("ended to gone, p99, as a share of Job's", lambda f: f.to_gone_p99),
    ):
        share = middle(tasks, figure) / middle(jobs, figure)
        yield Target(what, "below 0.5", f"{share:.2f}", share < 0.5)


def _requests(tasks: Sequence[Figures], quick: Figures) -> Iterator[Target]:
    most = max(figures.writes for figures in tasks)
    yield Target("writes a task", "at most 5", f"{most:.2f}", most <= 5)
    # Where the machine is slow, some of them do not end within the second.
    yield Target(
        "writes a task that ends within a second", "4", f"{quick.writes:.2f}", quick.writes <= 4.05
    )
    reads = max(figures.reads for figures in tasks)
    yield Target("reads a task", "0", f"{reads:.3f}", reads < 0.01)


def _costs(tasks: Sequence[Figures], results: Results) -> Iterator[Target]:
    cpu = middle(tasks, lambda f: f.cpu_ms["operator"])
    yield Target("operator's CPU a task", "at most 3 ms", f"{cpu:.2f} ms", cpu <= 3)
    kilobytes = max(results.by_count, key=lambda f: f.tasks).kept_kb["operator"]
    yield Target(
        "operator's memory a finished task", "at most 4 kB", f"{kilobytes:.2f} kB", kilobytes <= 4
    )
    steady = results.steady.to_gone_p99
    yield Target(
        "ended to gone at 10 tasks a second, p99", "below 0.3 s", f"{steady:.3f} s", steady < 0.3
    )


def _linear(results: Results) -> Iterator[Target]:
    counted = [*results.by_count, *results.by_steps.values()]
    exact = all(f.allocations == f.releases == f.tasks for f in counted)
    measured = "exactly" if exact else "no"
    yield Target("one allocation and one release for each MLTask", "exactly", measured, exact)
    if len(results.many) < 2:
        return  # a run so short has no line
    exponent = results.exponent
    yield Target(
        "exponent of wall time against n, from 1,000 on",
        "1.00 ± 0.05",
        f"{exponent:.3f}",
        abs(exponent - 1) <= 0.05,
    )
    for what, values in (
        ("wall time a task, from 1,000 on", [f.wall / f.tasks for f in results.many]),
        ("operator's CPU a task, from 1,000 on", [f.cpu_ms["operator"] for f in results.many]),
    ):
        off = max(values) / min(values) - 1
        yield Target(what, "flat within 15 %", f"{off * 100:.0f} %", off <= 0.15)
