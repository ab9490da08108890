"""The results of a sweep, the best first: as a table, as CSV, as JSON. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

from kubectl_mltask.output import columns
from kubectl_mltask.sweepfile import Metric
from kubectl_mltask.trials import Outcome
from mltask_operator.api.durations import in_words

Json = dict[str, Any]
OUTCOME = ("phase", "reason", "exitCode", "seconds", "result")
"""The last columns of the CSV."""
MAX_CELL = 40
"""A result that is no JSON is cut to this in the table; CSV and JSON have all of it."""


def ranked(outcomes: Sequence[Outcome], metric: Metric | None) -> list[Outcome]:
    """Return the outcomes, the best first; those without the metric last, in their order."""
    if metric is None:
        return list(outcomes)
    sign = -1 if metric.goal == "maximize" else 1

    def rank(outcome: Outcome) -> tuple[bool, float]:
        value = outcome.metric(metric.name)
        return value is None, sign * (value or 0)

    return sorted(outcomes, key=rank)


def table(outcomes: Sequence[Outcome], metric: Metric | None) -> list[str]:
    """Return a line for each outcome: its parameters, its result, how it ended and how long."""
    parameters = _parameters(outcomes)
    heading = metric.name.upper() if metric else "RESULT"
    header = ("TRIAL", *parameters, heading, "PHASE", "REASON", "DURATION")
    rows = [
        (
            outcome.trial.name,
            *(outcome.trial.parameters.get(name, "") for name in parameters),
            _result(outcome, metric),
            outcome.phase,
            outcome.reason,
            "" if outcome.seconds is None else in_words(outcome.seconds),
        )
        for outcome in outcomes
    ]
    return columns(header, rows)


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Return all of it as CSV, with a column for each name in the results' JSON objects.

    Text is written as it is, any other value as JSON, and null as an empty cell. A result that is
    no JSON object is in the column `result`. Each column has a name of its own: a parameter called
    `phase` is `parameter.phase`, and a value with the name of a parameter `result.NAME`.
    """
    parameters = _parameters(outcomes)
    values = list(dict.fromkeys(name for outcome in outcomes for name in outcome.values))
    taken = {"trial", *OUTCOME}
    headings = _headings("parameter", parameters, taken) + _headings("result", values, taken)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["trial", *headings, *OUTCOME])
    for outcome in outcomes:
        writer.writerow(
            [
                outcome.trial.name,
                *(outcome.trial.parameters.get(name, "") for name in parameters),
                *(_cell(outcome.values.get(name)) for name in values),
                outcome.phase,
                outcome.reason,
                outcome.exit_code,
                outcome.seconds,
                "" if outcome.values else outcome.result.rstrip(),
            ]
        )
    return written.getvalue()


def as_objects(outcomes: Sequence[Outcome]) -> list[Json]:
    """Return an object for each outcome; its result is parsed where it is a JSON object."""
    return [
        {
            "trial": outcome.trial.name,
            "parameters": dict(outcome.trial.parameters),
            "result": outcome.values or outcome.result,
            "phase": outcome.phase,
            "reason": outcome.reason,
            "exitCode": outcome.exit_code,
            "seconds": outcome.seconds,
        }
        for outcome in outcomes
    ]


def _parameters(outcomes: Sequence[Outcome]) -> list[str]:
    return list(dict.fromkeys(name for outcome in outcomes for name in outcome.trial.parameters))


def _headings(kind: str, names: Iterable[str], taken: set[str]) -> list[str]:
    """Return a heading for each name that is not taken yet, and take it."""
    headings = []
    for name in names:
        heading = name
        while heading in taken:
            heading = f"{kind}.{heading}"
        taken.add(heading)
        headings.append(heading)
    return headings


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _result(outcome: Outcome, metric: Metric | None) -> str:
    if metric:
        value = outcome.metric(metric.name)
        return "" if value is None else f"{value:g}"
    text = " ".join(outcome.result.split())
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"
