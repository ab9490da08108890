"""Write the record of `make attack` into docs/security.md, between its two markers."""

import json
import sys
from pathlib import Path

from benchmarks.page import filled
from tests.attack.record import Attack

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN = "<!-- written by make attack -->"
POD_SECONDS, FINISHED_SECONDS = 1.0, 5.0
HEAD = (
    "Who",
    "Attack",
    "Ready",
    "Pod",
    "Finished",
    "Bare Pod",
    "Peak memory",
    "Also measured",
    "Result",
)


def cells(attack: Attack) -> tuple[str, ...]:
    """Return a row of the table."""
    return (
        attack.who,
        attack.what,
        _seconds(attack.ready),
        _seconds(attack.pod),
        _seconds(attack.finished),
        f"{_seconds(attack.bare_pod)}, {_seconds(attack.bare_finished)}".strip(", "),
        "" if attack.memory is None else f"{attack.memory:.0f} MiB",
        attack.seen,
        _result(attack),
    )


def table(attacks: list[Attack]) -> str:
    """Return the table as Markdown."""
    lines = (HEAD, ["---"] * len(HEAD), *map(cells, attacks))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _result(attack: Attack) -> str:
    """Return `delay` for an attack that a test passed although another namespace waited.

    The bounds are those of a full run, also for a sample. They begin where a bare Pod's delay ends:
    that one is the API server's and the scheduler's.
    """
    if not attack.is_harmless:
        return "**harm**"
    pod = (attack.pod or 0) - (attack.bare_pod or 0)
    finished = (attack.finished or 0) - (attack.bare_finished or 0)
    is_late = pod >= POD_SECONDS or finished >= FINISHED_SECONDS
    return "**delay**" if is_late else "no effect"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.2f} s"


def main() -> None:
    """Read the record whose path is the argument."""
    [path] = sys.argv[1:]
    attacks = [Attack(**each) for each in json.loads(Path(path).read_text())]
    PAGE.write_text(filled(PAGE.read_text(), BEGIN, table(attacks)))


if __name__ == "__main__":
    main()
