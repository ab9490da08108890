"""What the pictures of docs/ have in common: the same data makes the same file."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"

_FRACTION = re.compile(r"(\.\d\d)\d+")


def style() -> AbstractContextManager[None]:
    """Return a context to draw and to save in."""
    return rc_context(
        {
            "svg.hashsalt": "mltask",  # else each drawing has other ids
            "svg.fonttype": "none",  # text as text, not as outlines
            "font.sans-serif": ["DejaVu Sans", "Verdana"],  # each text names them all
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def save(figure: Figure, path: Path) -> None:
    """Write the figure without the date, its lines by hundredths of a point."""
    figure.savefig(path, metadata={"Date": None})
    drawn = re.sub(r' d="[^"]*"', lambda line: _FRACTION.sub(r"\1", line[0]), path.read_text())
    path.write_text(drawn)
