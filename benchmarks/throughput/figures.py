"""What rounds come to: one figure each, and the median and the spread of several rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.throughput.contestants import Contestant
from benchmarks.throughput.rounds import Round


@dataclass(frozen=True)
class Figures:
    """One contestant's round in figures. Times are in seconds."""

    contestant: str
    tasks: int
    wall: float
    to_pod_p50: float
    to_pod_p99: float
    to_gone_p50: float
    to_gone_p99: float
    allocations: int
    releases: int
    writes: float
    """Of the contestant's own components, for each task; the client's creation is not in it."""
    writes_of_all: float
    reads: float
    cpu_ms: dict[str, float]
    """Of each component, for each task."""
    peak_mb: dict[str, float]
    kept_kb: dict[str, float]
    """What each component's memory grew by, for each task, once all had ended."""

    @property
    def per_second(self) -> float:
        """Tasks a second."""
        return self.tasks / self.wall


def figures(contestant: Contestant, played: Round) -> Figures:
    """Return the figures of a round."""
    tasks = len(played.lives)
    own = sum(count for write, count in played.writes.items() if write.user in contestant.users)
    return Figures(
        contestant=contestant.name,
        tasks=tasks,
        wall=played.wall,
        to_pod_p50=median(played.to_pod),
        to_pod_p99=p99(played.to_pod),
        to_gone_p50=median(played.to_gone),
        to_gone_p99=p99(played.to_gone),
        allocations=sum(len(life.pods) for life in played.lives),
        releases=sum(life.gone > 0 for life in played.lives),
        writes=own / tasks,
        writes_of_all=sum(played.writes.values()) / tasks,
        reads=played.reads / tasks,
        cpu_ms={
            name: taken.cpu_seconds / tasks * 1000 for name, taken in played.footprints.items()
        },
        peak_mb={name: taken.peak_kb / 1024 for name, taken in played.footprints.items()},
        kept_kb={name: taken.kept_kb / tasks for name, taken in played.footprints.items()},
    )


def p99(values: Sequence[float]) -> float:
    """Return the value that 99 of 100 do not exceed."""
    return quantiles(values, n=100, method="inclusive")[98]


def middle(rounds: Sequence[Figures], figure: Callable[[Figures], float]) -> float:
    """Return the median of a figure."""
    return median(map(figure, rounds))


def spread(rounds: Sequence[Figures], figure: Callable[[Figures], float]) -> str:
    """Return the median of a figure, with the least and the most, as a text."""
    values = sorted(map(figure, rounds))
    return f"{median(values):.3g} ({values[0]:.3g} to {values[-1]:.3g})"
