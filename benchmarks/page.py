"""The page that the measurements are written into: each between two markers of its own."""

from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
END = "<!-- up to here -->"


def put(name: str, command: str, text: str, page: Path = PAGE) -> None:
    """Put what the command measured between the markers of this name, in place of what was there.

    Raise ValueError where the page has no such markers.
    """
    page.write_text(filled(page.read_text(), f"<!-- {name}: written by {command} -->", text))


def filled(page: str, begin: str, text: str) -> str:
    """Return the page with this text between the marker and END. Raise ValueError without it."""
    before, found, rest = page.partition(begin)
    if not found:
        raise ValueError(f"the page has no {begin}")
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n\n{text}\n\n{END}{after}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *rows))
