"""What Prometheus answers to the queries of the panels."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.dashboard.panels import (
    FILE,
    Json,
    Panel,
    all_of,
    legend,
    rate_interval,
    replaced,
    variables_asked,
)
from localcluster.errors import ClusterError
from localcluster.prometheus import SCRAPE_SECONDS, Prometheus


@dataclass(frozen=True)
class Line:
    """A series: what it is by the second, counted from the beginning; NaN where it is nothing."""

    name: str
    values: Mapping[int, float]

    @property
    def is_zero(self) -> bool:
        """Whether it is there, and never anything but 0."""
        return not any(value for value in self.values.values() if math.isfinite(value))

    @property
    def has_data(self) -> bool:
        """Whether it is a number at any time."""
        return any(math.isfinite(value) for value in self.values.values())


@dataclass(frozen=True)
class Answer:
    """The lines of a panel."""

    panel: Panel
    lines: Sequence[Line]

    @property
    def is_zero(self) -> bool:
        """Whether Prometheus has its series, and they are 0 all the time."""
        return all(line.is_zero for line in self.lines)


def ask(server: Prometheus, start: int, seconds: int) -> list[Answer]:
    """Return what each panel shows of this time. Raise ClusterError, naming those without data."""
    dashboard = json.loads(FILE.read_text())
    variables = _variables(server, dashboard)
    answers, missing = [], []
    for panel in map(Panel.read, dashboard["panels"]):
        lines = []
        for query in panel.queries:
            expression = replaced(query.expression, variables)
            found = server.query_range(expression, start, start + seconds, SCRAPE_SECONDS)
            # A series that is 0 proves that nothing happened; no series proves nothing.
            of_query = [
                line for series in found if (line := _line(series, query.legend, start)).has_data
            ]
            if not of_query:
                missing.append(f"{panel.title} (query {query.ref}): {expression}")
            lines += of_query
        answers.append(Answer(panel, lines))
    if missing:
        raise ClusterError("\n".join(["panels without data:", *missing]))
    return answers


def _variables(server: Prometheus, dashboard: Json) -> dict[str, str]:
    # A panel has more pixels than there are scrapes: there is a point for each scrape.
    interval = SCRAPE_SECONDS
    chosen = {
        name: all_of(server.label_values(metric, label))
        for name, (metric, label) in variables_asked(dashboard).items()
    }
    rate = rate_interval(interval, SCRAPE_SECONDS)
    return {**chosen, "__interval": f"{interval}s", "__rate_interval": f"{rate}s"}


def _line(series: Json, form: str, start: int) -> Line:
    values = {int(at) - start: float(value) for at, value in series["values"]}
    return Line(legend(form, series["metric"]), values)
