"""How the picture of the dashboard comes from its panels and from what Prometheus answers."""

import json
import math
import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pictures
from benchmarks.dashboard import units
from benchmarks.dashboard.answers import Answer, Line, ask
from benchmarks.dashboard.panels import (
    FILE,
    Panel,
    all_of,
    legend,
    rate_interval,
    replaced,
    variables_asked,
)
from benchmarks.dashboard.picture import draw
from localcluster.errors import ClusterError
from localcluster.prometheus import Prometheus

DASHBOARD = json.loads(FILE.read_text())
PANELS = [Panel.read(panel) for panel in DASHBOARD["panels"]]
SECONDS = 90


class Fake(Prometheus):
    """A Prometheus that has one series for each expression, unless it is told of another answer."""

    def __init__(self, answers: Mapping[str, list[Any]]) -> None:
        super().__init__(0)
        self.asked: list[str] = []
        self._answers = answers

    def label_values(self, metric: str, label: str) -> list[str]:
        return [f"{metric}-{label}"]

    def query_range(self, expression: str, start: float, end: float, step: int) -> list[Any]:
        self.asked.append(expression)
        usual = [{"metric": {"phase": "Running"}, "values": [[start + 1, "2.5"], [end, "NaN"]]}]
        return next((a for part, a in self._answers.items() if part in expression), usual)


def answers(**values: float) -> list[Answer]:
    lines = [Line(name, dict.fromkeys(range(SECONDS), value)) for name, value in values.items()]
    return [Answer(panel, lines) for panel in PANELS]


def test_variables_are_replaced_as_grafana_does() -> None:
    variables = {"job": "(a|b)", "__rate_interval": "4s"}
    expression = 'rate(x_total{job=~"$job"}[$__rate_interval]) + y{job=~"${job}"}'
    assert replaced(expression, variables) == 'rate(x_total{job=~"(a|b)"}[4s]) + y{job=~"(a|b)"}'


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no value for \$jobs"):
        replaced("x{job=~'$jobs'}", {"job": "a"})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["mltask-operator"], "mltask-operator"),
        (["a", "b"], "(a|b)"),
        (["a.b"], r"a\\.b"),
        (["a\\b"], r"a\\\\b"),
    ],
)
def test_all_is_a_regular_expression_in_a_string(values: list[str], expected: str) -> None:
    assert all_of(values) == expected


@pytest.mark.parametrize(
    ("interval", "scrape", "expected"), [(1, 1, 4), (15, 15, 60), (60, 15, 75)]
)
def test_the_interval_of_a_rate_has_room_for_a_lost_scrape(
    interval: int, scrape: int, expected: int
) -> None:
    assert rate_interval(interval, scrape) == expected


def test_the_values_of_a_variable_are_asked_for() -> None:
    assert variables_asked(DASHBOARD) == {"job": ("mltask_operator_leader", "job")}
    asked = {"name": "x", "type": "query", "query": "query_result(up)"}
    with pytest.raises(ValueError, match="query_result"):
        variables_asked({"templating": {"list": [asked]}})


def test_a_legend_has_the_values_of_the_labels() -> None:
    assert legend("{{verb}} {{ code }} 99 %", {"verb": "GET", "code": "200"}) == "GET 200 99 %"
    assert legend("{{phase}}", {}) == ""


@pytest.mark.parametrize(
    ("unit", "most", "expected"),
    [
        ("short", 0, (1, "")),
        ("short", 0.3, (1, "")),
        ("short", 12_000, (1000, " K")),
        ("ops", 4, (1, " ops/s")),
        ("reqps", 2500, (1000, " K req/s")),
        ("s", 0, (1, " s")),
        ("s", 0.02, (0.001, " ms")),
        ("s", 59, (1, " s")),
        ("s", 90, (60, " min")),
        ("bytes", 90_000_000, (2**20, " MiB")),
        ("bytes", 1000, (1, " B")),
    ],
)
def test_units_are_written_as_grafana_does(unit: str, most: float, expected: object) -> None:
    assert units.scale(unit, most) == expected


def test_each_query_of_each_panel_is_asked_without_a_variable_left() -> None:
    server = Fake({})
    found = ask(server, 1_000, SECONDS)
    assert [answer.panel for answer in found] == PANELS
    assert len(server.asked) == sum(len(panel.queries) for panel in PANELS)
    assert not [expression for expression in server.asked if "$" in expression]
    assert any('job=~"mltask_operator_leader-job"' in each for each in server.asked)
    [line] = found[0].lines
    assert line.name == "Running"
    assert line.values[1] == 2.5
    assert math.isnan(line.values[SECONDS])


@pytest.mark.parametrize("nothing", [[], [{"metric": {}, "values": [[1_001, "NaN"]]}]])
def test_panels_without_data_are_errors_by_name(nothing: list[Any]) -> None:
    server = Fake({"mltask_disruptions_total": nothing, "reconcile_errors_total": nothing})
    with pytest.raises(ClusterError) as raised:
        ask(server, 1_000, SECONDS)
    named = re.findall(r"^(.*) \(query (\w)\)", str(raised.value), re.MULTILINE)
    assert named == [("Disruptions, per second", "A"), ("Queue, and goes that failed", "B")]


def test_a_series_of_zeros_is_data_and_is_told_of() -> None:
    zeros = [{"metric": {"instance": "a"}, "values": [[1_001, "0"], [1_002, "0"]]}]
    found = ask(Fake({"reconcile_errors_total": zeros}), 1_000, SECONDS)
    zero = [
        (answer.panel.title, line.name) for answer in found for line in answer.lines if line.is_zero
    ]
    assert zero == [("Queue, and goes that failed", "a failed")]


def test_panels_are_where_the_grid_has_them() -> None:
    with pictures.style():
        figure = draw(answers(a=1, b=2), SECONDS)
    rows = max(panel.y + panel.h for panel in PANELS)
    for axes, title, panel in zip(figure.axes, figure.texts, PANELS, strict=True):
        inner = axes.get_position()
        left, right = panel.x / 24, (panel.x + panel.w) / 24
        bottom, top = 1 - (panel.y + panel.h) / rows, 1 - panel.y / rows
        assert left < inner.x0 < inner.x1 < right
        assert bottom < inner.y0 < inner.y1 < title.get_position()[1] < top
        assert inner.width > (right - left) / 2


def test_a_panel_has_its_title_unit_and_legend() -> None:
    with pictures.style():
        figure = draw(answers(succeeded=3, failed=4), SECONDS)
    assert [title.get_text() for title in figure.texts] == [panel.title for panel in PANELS]
    for axes, panel in zip(figure.axes, PANELS, strict=True):
        names = axes.get_legend()
        assert names
        assert [text.get_text() for text in names.get_texts()] == ["succeeded", "failed"]
        ticks = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
        assert all(tick.endswith(units.scale(panel.unit, 4).suffix) for tick in ticks)
        top = 7 if panel.is_stacked else 4
        assert top < axes.get_ylim()[1] < 1.2 * top


def test_the_same_answers_make_the_same_picture(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with pictures.style():
            pictures.save(draw(answers(a=1, b=math.pi), SECONDS), tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "other.svg").read_bytes()


def test_the_picture_of_the_page_is_of_the_panels_that_there_are() -> None:
    picture = pictures.PICTURES / "dashboard.svg"
    shown = {
        unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text())
    }
    missing = [panel.title for panel in PANELS if panel.title not in shown]
    assert not missing, f"make dashboard draws it anew: {missing}"
    assert picture.stat().st_size < 300_000
