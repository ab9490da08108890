"""Other people's text in the log: it forges no line, drives no terminal, and has a bounded size."""

import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.logs.formatters import RECORD_LIMIT
from tests.unit.log_capture import RECORD, Log, harmful, raised

pytestmark = pytest.mark.usefixtures("logging_as_before")

ANY_TEXT = st.text(st.characters(codec=None)) | st.sampled_from(
    [
        "done\n2026-01-01 00:00:00,000 INFO team-b/train: Succeeded",
        "\r\x1b[2K\x1b[1A\x9b2J\x07",
        "\u202eevil\u2066\u2028\u2029\x85\x0b\x0c\x1c",
        "\ud800",
        '"}\n{"level": "INFO"}',
        "%s %d",
    ]
)

logger = logging.getLogger("mltask_operator.tasks")


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log("plain", monkeypatch)


@pytest.fixture
def as_json(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log("json", monkeypatch)


@pytest.fixture(params=["plain", "json"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(request.param, monkeypatch)


def strings(value: object) -> Iterator[str]:
    """Yield all text of a decoded entry: what a collector's user sees in the end."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def entry_of(line: str) -> dict[str, object]:
    """Decode a line of JSON, which holds nothing harmful before or after that."""
    assert not harmful(line)
    entry: dict[str, object] = json.loads(line)
    for text in strings({**entry, "exc_info": str(entry.get("exc_info", "")).splitlines()}):
        assert not harmful(text)
    return entry


@given(text=ANY_TEXT)
def test_a_plain_record_is_one_line(text: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = Log("plain", monkeypatch)
        logger.debug("%s: ended: %s", "team-a/train", text, extra={"namespace": text})
        logger.debug(text)
        for line in (lines := log.written().split("\n")):
            assert RECORD.match(line)
            assert line.splitlines() == [line]
            assert not harmful(line)
        assert len(lines) == 2


@given(text=ANY_TEXT, name=ANY_TEXT)
def test_a_json_record_is_one_line_and_harmless_once_decoded(text: str, name: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = Log("json", monkeypatch)
        extra = {"pod": text, "reason": None, "attempt": 2, "ref": {name: [text, (text,)]}}
        logger.debug("ended: %s", text, extra=extra, exc_info=raised(ValueError(text)))
        [line] = log.written().splitlines()
        entry = entry_of(line)
        assert (entry["level"], entry["attempt"], entry["reason"]) == ("DEBUG", 2, None)
        assert str(entry["message"]).startswith("ended: ")


@given(text=ANY_TEXT, note=ANY_TEXT)
def test_lines_of_a_traceback_are_those_of_our_own_code(text: str, note: str) -> None:
    error = ValueError(text)
    error.add_note(note)
    cause = raised(KeyError(text))
    error.__cause__ = cause
    group = ExceptionGroup(text, [raised(error), OSError(5, text)])
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = Log("plain", monkeypatch)
        logger.debug("it broke", exc_info=raised(group))
        first, *others = log.written().split("\n")
        assert RECORD.match(first)
        for line in (first, *others):
            assert line.splitlines() == [line]
            assert not harmful(line)
        assert all(line.startswith("  | ") for line in others)
        assert sum(" File " in line for line in others) == 3, "text adds no frames"


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("a\nb")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("template", "arguments"),
    [("%d", ("a\nb",)), ("%s %s", ("a\nb",)), ("%s", (Unshowable(),)), ("%(x)s", ("a\nb",))],
)
def test_a_record_that_cannot_be_formatted_is_one_line_all_the_same(
    log: Log, template: str, arguments: tuple[object, ...]
) -> None:
    log.detach_others()
    logger.warning(template, *arguments, extra={"pod": Unshowable(), "count": 10**5000})
    [line] = log.written().splitlines()
    assert template in line
    assert not harmful(line)


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "é" * 1_000_000, "\x1b" * 1_000_000, "\ud800\n" * 500_000]
)
def test_the_size_of_a_record_is_bounded(log: Log, text: str) -> None:
    extra = {f"field{i}": text for i in range(100)} | {"namespace": "team-a"}
    logger.warning("ended: %s", text, extra=extra, exc_info=raised(ValueError(text)))
    written = log.written()
    assert len(written.encode()) <= RECORD_LIMIT
    assert "... (cut)" in written
    assert "ValueError" in written


def test_a_long_traceback_keeps_its_end(plain: Log) -> None:
    error: Exception = ValueError("the first one")
    for number in range(50):
        error, cause = raised(ValueError(f"number {number}")), error
        error.__cause__ = cause
    logger.error("it broke", exc_info=error)
    written = plain.written()
    assert len(written) <= RECORD_LIMIT
    assert written.endswith("  | ValueError: number 49")


def test_exceptions_that_refer_to_each_other_end(plain: Log) -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    logger.error("it broke", exc_info=one)
    assert plain.written().endswith("  | ValueError: one")


def test_json_keeps_what_matters_of_a_record_that_is_too_long(as_json: Log) -> None:
    extra: dict[str, object] = {f"field{i}": "x" * 1000 for i in range(100)}
    logger.warning("ended", extra=extra | {"namespace": "team-a", "task": "train"})
    entry = entry_of(as_json.written())
    del entry["time"]
    assert entry == {
        "level": "WARNING",
        "logger": "mltask_operator.tasks",
        "message": "ended",
        "namespace": "team-a",
        "task": "train",
        "is_cut": True,
    }
