"""Options that the benchmarks have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def output(program: str) -> Callable[[Any], Any]:
    """Return the option of where a program's figures go: beside its own file, unless it is told."""
    return click.option(
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path(program).with_suffix(".json"),
        show_default=True,
        help="Where the figures go as JSON.",
    )


write = click.option("--write", is_flag=True, help="Write the table into docs/performance.md.")
