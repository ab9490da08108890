"""How what was measured gets into the page."""

from pathlib import Path

import pytest

from benchmarks import page

PAGE = f"""\
before
<!-- x: written by make soak -->
old
{page.END}
between
<!-- y: written by make bench -->
{page.END}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A page with two pairs of markers."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_a_table_takes_the_place_of_the_last_one(path: Path) -> None:
    for text in ("new", "newer"):
        page.put("x", "make soak", text, path)
    expected = PAGE.replace("-->\nold\n", "-->\n\nnewer\n\n")
    assert path.read_text() == expected


def test_nothing_is_written_where_the_page_names_another_command(path: Path) -> None:
    with pytest.raises(ValueError, match="no <!-- y: written by make soak"):
        page.put("y", "make soak", "text", path)
    assert path.read_text() == PAGE


def test_tables_are_markdown() -> None:
    assert page.table(["", "early"], [["sockets", "12"]]).splitlines() == [
        "|  | early |",
        "| --- | ---: |",
        "| sockets | 12 |",
    ]
