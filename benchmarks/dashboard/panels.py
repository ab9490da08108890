"""The panels of the dashboard, and what Grafana makes of a query before it asks Prometheus."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]

FILE = Path(__file__).parents[2] / "charts" / "mltask-operator" / "files" / "dashboard.json"
COLUMNS = 24
"""Grafana's grid is so wide."""

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_SPECIAL = re.compile(r"[\\$^*{}\[\]'+?.()|]")
_LABEL_VALUES = re.compile(r"label_values\((\w+), *(\w+)\)")


@dataclass(frozen=True)
class Query:
    """One expression of a panel."""

    ref: str
    expression: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """A panel, and where it lies in the grid: y counts downwards."""

    title: str
    x: int
    y: int
    w: int
    h: int
    unit: str
    is_stacked: bool
    queries: Sequence[Query]

    @classmethod
    def read(cls, panel: Json) -> Self:
        """Return the panel that the dashboard describes."""
        defaults = panel["fieldConfig"]["defaults"]
        stacking = defaults.get("custom", {}).get("stacking", {})
        return cls(
            title=panel["title"],
            **panel["gridPos"],
            unit=defaults["unit"],
            is_stacked=stacking.get("mode") == "normal",
            queries=[
                Query(target["refId"], target["expr"], target["legendFormat"])
                for target in panel["targets"]
            ],
        )


def rate_interval(interval: int, scrape: int) -> int:
    """Return $__rate_interval in seconds, given $__interval and the data source's scrape interval.

    It is long enough for `rate()` to find two samples also where one is missing.
    """
    return max(interval + scrape, 4 * scrape)


def variables_asked(dashboard: Json) -> dict[str, tuple[str, str]]:
    """Return for each variable that is asked of Prometheus: the metric and the label."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = _LABEL_VALUES.fullmatch(variable["query"])
            if not asked:
                raise ValueError(f"not label_values(METRIC, LABEL): {variable['query']}")
            found[variable["name"]] = (asked[1], asked[2])
    return found


def all_of(values: Sequence[str]) -> str:
    """Return what stands for the choice All of a variable, within a regular expression."""
    # Once for the regular expression, and once for the string that it stands in.
    escaped = [_SPECIAL.sub(r"\\\g<0>", value).replace("\\", r"\\") for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def replaced(expression: str, variables: Mapping[str, str]) -> str:
    """Return the expression with a value for each variable; ValueError for one without."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in variables:
            raise ValueError(f"no value for ${name} in {expression}")
        return variables[name]

    return _VARIABLE.sub(value, expression)


def legend(form: str, labels: Mapping[str, str]) -> str:
    """Return what a series is called: `{{label}}` stands for the label's value."""
    return re.sub(r"\{\{ *(\w+) *\}\}", lambda found: labels.get(found[1], ""), form)
