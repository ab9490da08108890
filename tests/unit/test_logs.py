"""What a line of the log looks like."""

import json
import logging
import re
from datetime import datetime

import pytest

from mltask_operator.logs import configure_logging

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture
def logger() -> logging.Logger:
    return logging.getLogger("mltask_operator.tasks")


def test_json_lines(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    extra = {"namespace": "team-a", "task": "train", "attempt": 2, "reason": None}
    logger.info("%s: created Pod %s", "team-a/train", "train-1", extra=extra)
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", entry.pop("time"))
    assert entry == {
        "level": "INFO",
        "logger": "mltask_operator.tasks",
        "message": "team-a/train: created Pod train-1",
        **extra,
    }


def test_json_has_a_traceback_in_the_same_line(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json", "info")
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        logger.exception("it broke")
    [line] = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["message"]) == ("ERROR", "it broke")
    assert entry["exc_info"].startswith("Traceback (most recent call last):\n  File ")
    assert entry["exc_info"].endswith("\nValueError: line one\\nline two")


def test_plain_lines(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("plain", "info")
    logger.warning("no room for %s", "train", extra={"task": "train"})
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(" WARNING no room for train")
    assert datetime.fromisoformat(line.removesuffix(" WARNING no room for train"))


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", ["d", "i", "w"]), ("info", ["i", "w"]), ("warning", ["w"]), ("error", [])],
)
def test_level(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    configure_logging("plain", level)
    logger.debug("d")
    logger.info("i")
    logger.warning("w")
    assert [line[-1] for line in capsys.readouterr().err.splitlines()] == shown


@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 1)])
def test_libraries_speak_of_their_doings_at_debug_alone(
    capsys: pytest.CaptureFixture[str], level: str, lines: int
) -> None:
    configure_logging("plain", level)
    logging.getLogger("kopf.activities").info("Login succeeded")
    assert len(capsys.readouterr().err.splitlines()) == lines
