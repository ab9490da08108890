"""Write what `make chaos` recorded into docs/reliability.md, between its two markers."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.chaos.faults import MODES
from tests.chaos.record import Record, Tried

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN = "<!-- written by make chaos -->"
END = "<!-- up to here -->"


def tables(record: Record) -> str:
    """Return the two tables: by fault, and by scenario."""
    faults = [
        (fault, kind.how, *_sums(each for each in record if each.fault == fault))
        for fault, kind in MODES.items()
    ]
    scenarios = [
        (name, *_sums(each for each in record if each.scenario == name))
        for name in dict.fromkeys(each.scenario for each in record)
    ]
    return "\n\n".join(
        (
            _table(("Fault", "How it is made", "Points", "Tried", "Lost"), faults),
            _table(("A task that", "Points", "Tried", "Lost"), scenarios),
        )
    )


def with_tables(page: str, record: Record) -> str:
    """Return the page with new tables."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables(record)}\n\n{END}{after}"


def _sums(record: Iterable[Tried]) -> tuple[int, int, int]:
    rows = list(record)
    return (
        sum(each.writes for each in rows),
        sum(len(each.tried) for each in rows),
        sum(len(each.lost) for each in rows),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def main() -> None:
    """Read the record whose path is the argument."""
    [path] = sys.argv[1:]
    record = [Tried(**each) for each in json.loads(Path(path).read_text())]
    PAGE.write_text(with_tables(PAGE.read_text(), record))


if __name__ == "__main__":
    main()
