"""The panels, drawn by matplotlib where Grafana's grid has them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, MultipleLocator

from benchmarks.dashboard import units
from benchmarks.dashboard.answers import Answer
from benchmarks.dashboard.panels import COLUMNS, Panel

COLUMN_INCHES = 0.5
ROW_INCHES = 0.36
LEFT, RIGHT, TOP, TICKS = 0.72, 0.15, 0.32, 0.24
"""Inches around what is drawn of a panel, its legend aside."""
LEGEND_ROW, LEGEND_CHARACTER, LEGEND_MARK = 0.145, 0.063, 0.3
SMALL = 7


class Box(NamedTuple):
    """Where something lies, in inches from the lower left."""

    left: float
    bottom: float
    width: float
    height: float


def place(panel: Panel, rows: int) -> Box:
    """Return where the panel lies in a picture of so many rows of the grid."""
    return Box(
        panel.x * COLUMN_INCHES,
        (rows - panel.y - panel.h) * ROW_INCHES,
        panel.w * COLUMN_INCHES,
        panel.h * ROW_INCHES,
    )


def draw(answers: Sequence[Answer], seconds: int) -> Figure:
    """Return a figure with a panel for each; draw and save it in `pictures.style()`."""
    rows = max(answer.panel.y + answer.panel.h for answer in answers)
    size = (COLUMNS * COLUMN_INCHES, rows * ROW_INCHES)
    figure = Figure(figsize=size)
    for answer in answers:
        box = place(answer.panel, rows)
        names = [line.name for line in answer.lines]
        columns, lines = _legend_grid(names, box.width - LEFT)
        below = TICKS + lines * LEGEND_ROW
        axes = figure.add_axes(
            (
                (box.left + LEFT) / size[0],
                (box.bottom + below) / size[1],
                (box.width - LEFT - RIGHT) / size[0],
                (box.height - below - TOP) / size[1],
            )
        )
        _draw(axes, answer, seconds)
        figure.text(
            (box.left + 0.1) / size[0],
            (box.bottom + box.height - 0.2) / size[1],
            answer.panel.title,
            fontsize=9,
            fontweight="bold",
        )
        axes.legend(
            loc="lower left",
            bbox_to_anchor=((box.left + LEFT) / size[0], box.bottom / size[1]),
            bbox_transform=figure.transFigure,
            ncols=columns,
            fontsize=SMALL,
            frameon=False,
            handlelength=1,
            columnspacing=1,
            labelspacing=0.2,
            borderaxespad=0,
            borderpad=0,
        )
    return figure


def _legend_grid(names: Sequence[str], width: float) -> tuple[int, int]:
    """Return how many columns of names fit side by side, and how many lines they then take."""
    each = max(map(len, names)) * LEGEND_CHARACTER + LEGEND_MARK
    columns = max(1, min(len(names), int(width / each)))
    return columns, math.ceil(len(names) / columns)


def _draw(axes: Axes, answer: Answer, seconds: int) -> None:
    times = range(seconds + 1)
    curves = [[line.values.get(at, math.nan) for at in times] for line in answer.lines]
    names = [line.name for line in answer.lines]
    if answer.panel.is_stacked:
        filled = [[0.0 if math.isnan(value) else value for value in curve] for curve in curves]
        axes.stackplot(times, *filled, labels=names, alpha=0.5)
        most: float = max(map(sum, zip(*filled, strict=True)))
    else:
        for curve, name in zip(curves, names, strict=True):
            axes.plot(times, curve, label=name, linewidth=1)
        most = max(value for curve in curves for value in curve if not math.isnan(value))
    _scale(axes, answer.panel.unit, most)
    axes.set_xlim(0, seconds)
    axes.xaxis.set_major_locator(MultipleLocator(60 if answer.panel.w < 8 else 30))
    axes.xaxis.set_major_formatter(lambda at, _: f"{int(at) // 60}:{int(at) % 60:02}")
    axes.tick_params(labelsize=SMALL, length=2)
    axes.grid(color="gainsboro", linewidth=0.5)
    axes.set_axisbelow(True)


def _scale(axes: Axes, unit: str, most: float) -> None:
    """Count upwards from 0 in the unit."""
    factor, suffix = units.scale(unit, most)
    top = 1.08 * most / factor or 1
    ticks = [
        tick for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, top) if 0 <= tick <= top
    ]
    axes.set_ylim(0, top * factor)
    axes.yaxis.set_major_locator(FixedLocator([tick * factor for tick in ticks]))
    axes.yaxis.set_major_formatter(FixedFormatter([f"{tick:g}{suffix}" for tick in ticks]))
