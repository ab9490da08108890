"""Pictures of the results, as SVG."""

from pathlib import Path

from matplotlib import pyplot
from matplotlib.figure import Figure

from benchmarks.throughput.results import Results


def draw(results: Results, folder: Path) -> None:
    """Write throughput.svg and linear.svg."""
    pyplot.rcParams["svg.hashsalt"] = "mltask"  # else each drawing has other ids
    _throughput(results, folder / "throughput.svg")
    _linear(results, folder / "linear.svg")


def _throughput(results: Results, path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 3))
    contestants = list(dict.fromkeys(each.contestant for each in results.rounds))
    rates = [[f.per_second for f in results.of(name)] for name in contestants]
    axes.boxplot(rates, orientation="horizontal", tick_labels=contestants)
    axes.set_xlabel("tasks a second")
    axes.set_xlim(left=0)
    _save(figure, path)


def _linear(results: Results, path: Path) -> None:
    figure, (by_count, by_steps) = pyplot.subplots(1, 2, figsize=(10, 4))
    counts = [f.tasks for f in results.by_count]
    by_count.loglog(counts, [f.allocations for f in results.by_count], "o-", label="allocations")
    by_count.loglog(counts, [f.releases for f in results.by_count], "x--", label="releases")
    by_count.loglog(counts, [f.wall for f in results.by_count], "s-", label="wall time, s")
    by_count.set_xlabel("MLTasks")
    by_count.legend()
    steps = list(results.by_steps)
    by_steps.loglog(steps, [f.allocations for f in results.by_steps.values()], "o-")
    by_steps.set_xlabel("steps in each MLTask")
    by_steps.set_ylabel("allocations")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
