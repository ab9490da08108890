"""Write what `make chaos` recorded into docs/reliability.md, between its two markers."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.page import filled
from tests.chaos.record import Record, Tried

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- written by make chaos -->"
FAULTS = ("Fault", "How it is made", "Tried", "Lost", "Moved on")


def by_fault(record: Record) -> list[tuple[str, str, str, int, str]]:
    """Return a line for each fault: FAULTS says what is in it."""
    faults = dict.fromkeys((row.fault, row.how) for row in record)
    return [
        _line(fault, how, [row for row in record if row.fault == fault]) for fault, how in faults
    ]


def tables(record: Record) -> str:
    """Return the two tables: by fault, and by scenario."""
    scenarios = dict.fromkeys(row.scenario for row in record if row.scenario)
    by_scenario = [
        (scenario, *_sums([row for row in record if row.scenario == scenario]))
        for scenario in scenarios
    ]
    return "\n\n".join(
        (
            _table(FAULTS, by_fault(record)),
            _table(("A task that", "Tried", "Lost"), by_scenario),
        )
    )


def _line(fault: str, how: str, rows: Sequence[Tried]) -> tuple[str, str, str, int, str]:
    return fault, how, *_sums(rows), _seconds(rows)


def _sums(rows: Sequence[Tried]) -> tuple[str, int]:
    tried, lost = sum(row.tried for row in rows), sum(row.lost for row in rows)
    if any(row.points is None for row in rows):
        return f"{tried:,}", lost
    return f"{tried:,} of {sum(row.points or 0 for row in rows):,} writes", lost


def _seconds(rows: Sequence[Tried]) -> str:
    """Return the median and the worst."""
    seconds = [row.seconds for row in rows if row.seconds is not None]
    if not seconds:
        return ""
    return f"after {median(seconds):.1f} s, at worst {max(seconds):.1f} s"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main() -> None:
    """Read the record whose path is the argument."""
    [path] = sys.argv[1:]
    record = [Tried(**each) for each in json.loads(Path(path).read_text())]
    PAGE.write_text(filled(PAGE.read_text(), BEGIN, tables(record)))


if __name__ == "__main__":
    main()
