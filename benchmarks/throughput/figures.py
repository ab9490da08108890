"""What rounds come to: one figure each, and the median and the spread of several rounds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.throughput.contestants import Contestant
from benchmarks.throughput.rounds import Round
from benchmarks.trend import percentile

A_MOMENT = 1.0
"""Seconds: the operator writes that a task runs when it has done so for that long."""


@dataclass(frozen=True)
class Figures:
    """One contestant's round in figures. Times are in seconds."""

    contestant: str
    tasks: int
    """How many objects there were; MLTasks of several steps count as one."""
    wall: float
    """From the first creation until the last Pod is gone."""
    to_pod_p50: float
    to_pod_p99: float
    to_gone_p50: float
    to_gone_p99: float
    allocations: int
    """Pods that were created."""
    releases: int
    """Pods that are gone."""
    lasting: float
    """Share of the tasks that ended later than a moment after they had their Pod."""
    writes: float
    """Of the contestant's own components, for each task."""
    reads: float
    writes_by: Mapping[str, float]
    """Of each component, for each task, the client among them."""
    reads_by: Mapping[str, float]
    cpu_ms: Mapping[str, float]
    """Of each component, for each task."""
    peak_mb: Mapping[str, float]

    @property
    def per_second(self) -> float:
        """Tasks a second."""
        return self.tasks / self.wall


def figures(contestant: Contestant, played: Round) -> Figures:
    """Return the figures of a round."""
    tasks = len(played.lives)
    writes_by = _by_component(((w.user, n) for w, n in played.writes.items()), tasks)
    reads_by = _by_component(played.reads.items(), tasks)
    own = [_component(user) for user in contestant.users]
    return Figures(
        contestant=contestant.name,
        tasks=tasks,
        wall=played.wall,
        to_pod_p50=percentile(50, played.to_pod),
        to_pod_p99=percentile(99, played.to_pod),
        to_gone_p50=percentile(50, played.to_gone),
        to_gone_p99=percentile(99, played.to_gone),
        allocations=sum(n for write, n in played.writes.items() if write.is_new("pods")),
        releases=sum(len(life.gone_pods) for life in played.lives),
        lasting=sum(life.ended - life.pod_seen > A_MOMENT for life in played.lives) / tasks,
        writes=sum(writes_by.get(each, 0.0) for each in own),
        reads=sum(reads_by.get(each, 0.0) for each in own),
        writes_by=writes_by,
        reads_by=reads_by,
        cpu_ms={
            name: taken.cpu_seconds / tasks * 1000 for name, taken in played.footprints.items()
        },
        peak_mb={name: taken.peak_kb / 1024 for name, taken in played.footprints.items()},
    )


def _by_component(requests: Iterable[tuple[str, int]], tasks: int) -> dict[str, float]:
    counts: dict[str, int] = {}
    for user, count in requests:
        counts[_component(user)] = counts.get(_component(user), 0) + count
    return {component: count / tasks for component, count in counts.items()}


def _component(user: str) -> str:
    # system:kube-scheduler, system:serviceaccount:kube-system:job-controller, kwok
    return user.rpartition(":")[2]


def middle(rounds: Sequence[Figures], figure: Callable[[Figures], float]) -> float:
    """Return the median of a figure."""
    return median(map(figure, rounds))


def spread(rounds: Sequence[Figures], figure: Callable[[Figures], float]) -> str:
    """Return the median of a figure as a text, with the least and the most if they differ."""
    values = sorted(map(figure, rounds))
    least, most = short(values[0]), short(values[-1])
    return least if least == most else f"{short(median(values))} ({least} to {most})"


def short(value: float) -> str:
    """Return a number as a text, with fewer decimals the larger it is."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"
