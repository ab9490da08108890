"""The results as tables and pictures, for docs/performance.md and for the terminal."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from benchmarks.page import PAGE, put, table
from benchmarks.throughput import plots
from benchmarks.throughput.figures import Figures, spread
from benchmarks.throughput.results import Results
from benchmarks.throughput.targets import targets

LEAST = 0.05
"""Requests per task: who makes fewer is left out."""


def write(results: Results, page: Path = PAGE) -> None:
    """Put the tables into the page, and the pictures into a folder beside it."""
    pictures = page.parent / "pictures"
    pictures.mkdir(exist_ok=True)
    plots.draw(results, pictures)
    texts = {
        "targets": f"{machine_line(results)}\n\n{targets_table(results)}",
        "contest": f"{contest_table(results)}\n\n![Tasks a second](pictures/throughput.svg)",
        "requests": requests_table(results),
        "footprint": footprint_table(results),
        "count": f"{count_table(results)}\n\n![Pods and seconds by number](pictures/linear.svg)",
        "steps": steps_table(results),
    }
    for name, text in texts.items():
        put(name, "make bench", text, page)


def machine_line(results: Results) -> str:
    """Say where it was measured, in which versions, and how much."""
    plan = results.plan
    where = ", ".join(f"{what} {value}" for what, value in results.machine.items())
    return f"{plan.rounds} rounds of {plan.tasks:,} tasks for each; {where}."


def targets_table(results: Results) -> str:
    """Return what was to be, and what was measured."""
    return table(("", "measured", "target", ""), [target.row for target in targets(results)])


def contest_table(results: Results) -> str:
    """Return who was how fast."""
    columns: Mapping[str, Callable[[Figures], float]] = {
        "tasks/s": lambda f: f.per_second,
        "wall, s": lambda f: f.wall,
        "created → Pod, s, p50": lambda f: f.to_pod_p50,
        "created → Pod, s, p99": lambda f: f.to_pod_p99,
        "ended → gone, s, p50": lambda f: f.to_gone_p50,
        "ended → gone, s, p99": lambda f: f.to_gone_p99,
    }
    rounds = {name: results.of(name) for name in results.contestants}
    jobs = results.job_as_shipped
    rounds[f"Job, as shipped ({jobs.tasks} of them, once)"] = [jobs]
    return table(
        ("", *columns),
        [(name, *(spread(each, of) for of in columns.values())) for name, each in rounds.items()],
    )


def requests_table(results: Results) -> str:
    """Return who asked the API server how often for a task."""
    head = [f"{name}: {what}" for name in results.contestants for what in ("writes", "reads")]
    components = {
        component: None
        for each in results.rounds
        for requests in (each.writes_by, each.reads_by)
        for component, count in sorted(requests.items())
        if count >= LEAST
    }
    rows = [("**its own components**", *_cells(results, lambda f: f.writes, lambda f: f.reads))]
    rows += [
        (component, *_cells(results, _of(component, "writes_by"), _of(component, "reads_by")))
        for component in components
    ]
    return table(("", *head), rows)


def footprint_table(results: Results) -> str:
    """Return what each process took for a task, and at its peak."""
    head = [f"{name}: {what}" for name in results.contestants for what in ("CPU ms", "peak MB")]
    rows = [
        (component, *_cells(results, _of(component, "cpu_ms"), _of(component, "peak_mb")))
        for component in results.rounds[0].cpu_ms
    ]
    return table(("", *head), rows)


def count_table(results: Results) -> str:
    """Return what more and more tasks took."""
    return _by("MLTasks", [(f"{f.tasks:,}", f.tasks, f) for f in results.by_count])


def steps_table(results: Results) -> str:
    """Return what the same steps took in larger and larger MLTasks."""
    rows = [(f"{f.tasks:,} of {b}", f.tasks * b, f) for b, f in results.by_steps.items()]
    return _by("MLTasks of b steps", rows)


def _of(component: str, figure: str) -> Callable[[Figures], float]:
    def value(figures: Figures) -> float:
        by_component: Mapping[str, float] = getattr(figures, figure)
        return by_component.get(component, 0.0)

    return value


def _cells(results: Results, *values: Callable[[Figures], float]) -> list[str]:
    return [spread(results.of(name), of) for name in results.contestants for of in values]


def _by(what: str, rows: Iterable[tuple[str, int, Figures]]) -> str:
    """Return a table of runs: each with its name and its number of tasks."""
    head = (what, "allocations", "releases", "wall", "wall per task", "operator's CPU per task")
    return table(
        head,
        [
            (
                name,
                f"{f.allocations:,}",
                f"{f.releases:,}",
                f"{f.wall:.1f} s",
                f"{f.wall / tasks * 1000:.1f} ms",
                f"{f.cpu_ms['operator'] * f.tasks / tasks:.2f} ms",
            )
            for name, tasks, f in rows
        ],
    )
