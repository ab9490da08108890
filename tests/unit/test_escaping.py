"""Other people's text as one printable line."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.escaping import escape, one_line, size

ANY_TEXT = st.text(st.characters(codec=None))
HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ('all is well: 100 % of "a\\b"', None),
        ("größe 漢字 😀 a\u3000b\xa0c", None),
        ("a\nb\r\n\tc", r"a\nb\r\n\tc"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x00\x7f\x85\x9b31m", r"\x00\x7f\x85\x9b31m"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("user\u202egnp.exe\u2066", r"user\u202egnp.exe\u2066"),
        ("half \ud800 of a pair", r"half \ud800 of a pair"),
        ("\ufeff\u200b\U000e0041", r"\ufeff\u200b\U000e0041"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, escaped: str | None) -> None:
    assert escape(text) == (text if escaped is None else escaped)


@given(ANY_TEXT)
def test_any_text_becomes_one_line_that_every_utf_8_stream_takes(text: str) -> None:
    line = escape(text)
    assert line.splitlines() in ([line], [])
    assert not [c for c in line if unicodedata.category(c) in HARMFUL]
    line.encode()
    assert escape(line) == line, "what is escaped stays as it is"


@given(ANY_TEXT, st.integers(20, 60))
def test_a_long_text_is_cut_with_a_mark(text: str, limit: int) -> None:
    line, whole = one_line(text, limit), escape(text)
    assert size(line) == len(json.dumps(line)) - 2 <= limit
    assert len(line.encode()) <= limit
    if size(whole) <= limit:
        assert line == whole
    else:
        assert line.endswith("... (cut)")
        assert whole.startswith(line.removesuffix("... (cut)"))


def test_a_text_that_just_fits_is_whole() -> None:
    assert one_line("x" * 100, 100) == "x" * 100
    assert one_line("x" * 101, 100) == "x" * 91 + "... (cut)"
