"""The results as tables and plots, for docs/performance.md and for the terminal."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.page import put, table
from benchmarks.throughput import plots
from benchmarks.throughput.figures import Figures, spread
from benchmarks.throughput.results import Results
from benchmarks.throughput.targets import targets

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def write(results: Results) -> None:
    """Put the tables into the page, and the plots beside it."""
    tables = (
        ("targets", targets_table),
        ("contest", contest_table),
        ("costs", costs_table),
        ("linear", linear_table),
        ("steps", steps_table),
    )
    for name, text in tables:
        put(name, text(results))
    PICTURES.mkdir(exist_ok=True)
    plots.draw(results, PICTURES)


def targets_table(results: Results) -> str:
    """Return what was aimed at, and what was measured."""
    rows = [target.row for target in targets(results)]
    return table(("", "aim", "measured", ""), rows)


def contest_table(results: Results) -> str:
    """Return who was how fast: the median of the rounds, and in brackets the least and the most."""
    head = (
        "",
        "tasks/s",
        "created to Pod, p50",
        "p99",
        "ended to gone, p50",
        "p99",
        "writes",
        "reads",
    )
    shown: tuple[Callable[[Figures], float], ...] = (
        lambda f: f.per_second,
        lambda f: f.to_pod_p50,
        lambda f: f.to_pod_p99,
        lambda f: f.to_gone_p50,
        lambda f: f.to_gone_p99,
        lambda f: f.writes,
        lambda f: f.reads,
    )
    contestants = dict.fromkeys(each.contestant for each in results.rounds)
    rounds = [(name, results.of(name)) for name in contestants]
    rounds.append(("Job, as shipped", [results.job_as_shipped]))
    return table(head, [(name, *(spread(of, each) for each in shown)) for name, of in rounds])


def costs_table(results: Results) -> str:
    """Return what each component took for a task, in the median."""
    contestants = dict.fromkeys(each.contestant for each in results.rounds)
    rows = []
    for component in results.rounds[0].cpu_ms:
        cpu = [spread(results.of(each), _cpu_ms(component)) for each in contestants]
        memory = [spread(results.of(each), _peak_mb(component)) for each in contestants]
        rows.append((component, *cpu, *memory))
    head = [f"{what}, {each}" for what in ("CPU ms a task", "peak MB") for each in contestants]
    return table(("", *head), rows)


def linear_table(results: Results) -> str:
    """Return what more and more tasks took."""
    return _by("tasks", [(str(f.tasks), f) for f in results.by_count])


def steps_table(results: Results) -> str:
    """Return what the same steps took in larger and larger MLTasks."""
    return _by("steps in each", [(str(steps), f) for steps, f in results.by_steps.items()])


def _cpu_ms(component: str) -> Callable[[Figures], float]:
    return lambda figures: figures.cpu_ms[component]


def _peak_mb(component: str) -> Callable[[Figures], float]:
    return lambda figures: figures.peak_mb[component]


def _by(what: str, rows: Sequence[tuple[str, Figures]]) -> str:
    head = (
        what,
        "MLTasks",
        "allocations",
        "releases",
        "wall",
        "wall a task",
        "operator's CPU a task",
    )
    return table(
        head,
        [
            (
                name,
                f"{f.tasks:,}",
                f"{f.allocations:,}",
                f"{f.releases:,}",
                f"{f.wall:.1f} s",
                f"{f.wall / f.tasks * 1000:.1f} ms",
                f"{f.cpu_ms['operator']:.2f} ms",
            )
            for name, f in rows
        ],
    )
