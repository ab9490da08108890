"""Units as Grafana names and writes them, as far as the dashboard has them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Scale(NamedTuple):
    """A multiple of a unit, and what stands behind a number of them."""

    factor: float
    suffix: str


_THOUSANDS = (Scale(1, ""), Scale(1e3, " K"), Scale(1e6, " Mil"), Scale(1e9, " Bil"))

UNITS: Mapping[str, Sequence[Scale]] = {
    "short": _THOUSANDS,
    "ops": [Scale(each.factor, f"{each.suffix} ops/s") for each in _THOUSANDS],
    "reqps": [Scale(each.factor, f"{each.suffix} req/s") for each in _THOUSANDS],
    "s": (Scale(1e-6, " µs"), Scale(1e-3, " ms"), Scale(1, " s"), Scale(60, " min")),
    "bytes": (Scale(1, " B"), Scale(2**10, " KiB"), Scale(2**20, " MiB"), Scale(2**30, " GiB")),
}
"""By Grafana's name, the smallest first."""


def scale(unit: str, most: float) -> Scale:
    """Return in what to count where this is the most; KeyError for a unit that is not known."""
    known = UNITS[unit]
    fitting = [each for each in known if each.factor <= (most or 1)]
    return fitting[-1] if fitting else known[0]
