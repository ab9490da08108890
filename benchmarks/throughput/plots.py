"""Pictures of the results, as SVG: the same results make the same files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks import pictures
from benchmarks.throughput.figures import Figures, middle
from benchmarks.throughput.results import Results


def draw(results: Results, folder: Path) -> None:
    """Write throughput.svg and linear.svg."""
    with pictures.style():
        pictures.save(_throughput(results), folder / "throughput.svg")
        pictures.save(_linear(results), folder / "linear.svg")


def _throughput(results: Results) -> Figure:
    figure = Figure(figsize=(7, 2), layout="constrained")
    axes = figure.subplots()
    shown = {name: results.of(name) for name in results.contestants}
    shown["Job, as shipped"] = [results.job_as_shipped]
    for name, rounds in shown.items():
        axes.barh(name, middle(rounds, lambda f: f.per_second), color="lightsteelblue")
        axes.plot([f.per_second for f in rounds], [name] * len(rounds), "k.", markersize=4)
    axes.invert_yaxis()
    axes.set_xlabel("tasks a second: each round, and the median")
    return figure


def _linear(results: Results) -> Figure:
    figure = Figure(figsize=(9, 3), layout="constrained")
    by_count, seconds, by_steps = figure.subplots(1, 3)
    counts = [f.tasks for f in results.by_count]
    _lines(by_count, counts, _pods(results.by_count), "MLTasks at once", "Pods")
    taken = {
        "wall time": [f.wall for f in results.by_count],
        "operator's CPU": [f.cpu_ms["operator"] * f.tasks / 1000 for f in results.by_count],
    }
    _lines(seconds, counts, taken, "MLTasks at once", "seconds")
    sizes, shared = list(results.by_steps), list(results.by_steps.values())
    _lines(
        by_steps, sizes, _pods(shared), f"{results.plan.tasks:,} tasks: steps per MLTask", "Pods"
    )
    return figure


def _pods(runs: Sequence[Figures]) -> dict[str, list[float]]:
    return {
        "allocations": [f.allocations for f in runs],
        "releases": [f.releases for f in runs],
    }


def _lines(
    axes: Axes, xs: Sequence[int], lines: Mapping[str, Sequence[float]], across: str, up: str
) -> None:
    """Draw lines by name, both axes logarithmic: what is linear has a slope of 1."""
    for (name, ys), style in zip(lines.items(), ("o-", "x--"), strict=True):
        axes.loglog(xs, ys, style, label=name)
    axes.minorticks_off()
    axes.set_xticks(xs, [f"{x:,}" for x in xs], rotation=30, ha="right")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(frameon=False)
