"""A log in several parts: each line once, none left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask.log_lines import LogLines

Line = tuple[bytes, bytes]


def stamp(second: int, fraction: int = 0, zone: str = "Z") -> bytes:
    return f"2026-11-26T12:00:{second:02}.{fraction:09}{zone}".encode()


def sent(lines: list[Line], since: str) -> bytes:
    """Return what a kubelet sends: it cuts `since` to seconds."""
    begin = since.removesuffix("Z").encode()
    return b"".join(b"%b %b\n" % line for line in lines if line[0][:19] >= begin)


@given(
    seconds=st.lists(st.integers(0, 3), max_size=12),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    size=st.integers(1, 60),
)
def test_parts_that_are_cut_anywhere_are_one_log(
    seconds: list[int], cuts: list[int], size: int
) -> None:
    """Several lines have the same timestamp, and some of these the same text."""
    lines = [(stamp(second), b"step %d" % (n // 2)) for n, second in enumerate(sorted(seconds))]
    log, found = LogLines(), b""
    for cut in [*cuts, None]:
        log.begin_part()
        part = sent(lines, log.since)[:cut]
        for start in range(0, len(part), size):
            found += log.new(part[start : start + size])
    assert found == b"".join(text + b"\n" for _, text in lines)


def test_lines_that_come_late_are_there_once() -> None:
    """Standard output and error are written by two threads."""
    log = LogLines()
    log.begin_part()
    first = sent([(stamp(5), b"a"), (stamp(4, 9), b"late"), (stamp(5, 1), b"b")], "")
    assert log.new(first) == b"a\nlate\nb\n"
    log.begin_part()
    assert log.since == "2026-11-26T12:00:05Z"
    second = sent([(stamp(5), b"a"), (stamp(5, 1), b"b"), (stamp(5, 2), b"c")], log.since)
    assert log.new(second) == b"c\n"


def test_the_time_zone_of_the_node_does_not_matter() -> None:
    log = LogLines()
    log.begin_part()
    assert log.new(stamp(5, zone="+02:00") + b" a\n") == b"a\n"
    assert log.since == "2026-11-26T10:00:05Z"


@pytest.mark.parametrize(
    "line", [b"no timestamp\n", b"word\n", b"\n", b"2026-99-26T12:00:00Z x\n", b"x" * 100 + b"\n"]
)
def test_lines_without_a_timestamp_stay_as_they_are(line: bytes) -> None:
    log = LogLines()
    log.begin_part()
    assert log.new(line) == line
    assert log.since == ""


def test_an_unfinished_line_is_there_at_once() -> None:
    log = LogLines()
    log.begin_part()
    assert log.new(stamp(1) + b" 10 %\r") == b"10 %\r"
    assert log.new(b"20 %\r") == b"20 %\r"
    log.begin_part()
    assert log.new(stamp(1) + b" 10 %\r20 %\r30 %\n") == b"30 %\n"
