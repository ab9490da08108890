"""Write what `make test-profile` measured into CONTRIBUTING.md, and the schedule's durations."""

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.page import filled, table
from tests.harness.budget import CPU_SECONDS, NEW_LAYER
from tests.harness.costs import Cost
from tests.harness.ledger import sums
from tests.harness.schedule import MEASURED, unit_of

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
BEGIN = "<!-- written by make test-profile -->"
SLOWEST = 8


def layers(costs: Sequence[Cost]) -> str:
    """Return a table of the layers: how long their tests took, and how much of that was waiting."""
    rows = [
        (
            each.layer,
            f"{each.tests:,}",
            f"{each.wall:,.0f}",
            f"{each.cpu:,.0f}",
            f"{max(0.0, each.wall - each.cpu):,.0f}",
            f"{CPU_SECONDS.get(each.layer, NEW_LAYER):,}",
        )
        for each in sums(costs)
    ]
    return table(("layer", "tests", "seconds", "on a CPU", "waiting", "CPU budget"), rows)


def fixtures(costs: Sequence[Cost]) -> str:
    """Return a table of the fixtures that several tests share and that took the most CPU time."""
    kinds = ("session", "package", "module")
    of_fixtures = [cost for cost in costs if cost.kind in kinds]
    by_name: dict[str, list[Cost]] = defaultdict(list)
    for cost in of_fixtures:
        by_name[cost.name].append(cost)
    rows = [
        (
            f"`{name}`",
            str(len(each)),
            f"{sum(cost.wall for cost in each):.0f}",
            f"{sum(cost.cpu for cost in each):.0f}",
        )
        for name, each in by_name.items()
    ]
    rows.sort(key=lambda row: -int(row[3]))
    return table(("fixture", "setups", "seconds", "on a CPU"), rows[:SLOWEST])


def durations(costs: Sequence[Cost]) -> dict[str, float]:
    """Return the wall seconds of each unit of work."""
    found: dict[str, float] = defaultdict(float)
    for cost in costs:
        if cost.kind == "test":
            found[unit_of(cost.name)] += cost.wall
    return {unit: round(seconds, 1) for unit, seconds in sorted(found.items())}


def main() -> None:
    """Read the costs from the file that the argument names."""
    [path] = sys.argv[1:]
    costs = [Cost(*each) for each in json.loads(Path(path).read_text())]
    text = f"{layers(costs)}\n\n{fixtures(costs)}"
    PAGE.write_text(filled(PAGE.read_text(), BEGIN, text))
    MEASURED.write_text(json.dumps(durations(costs), indent=1) + "\n")


if __name__ == "__main__":
    main()
