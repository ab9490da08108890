"""Formatters: one record is one line, whatever text it holds.

In the plain format the lines of a traceback follow their record, each behind a prefix with which no
record begins. In JSON they are one field. A record takes at most `RECORD_LIMIT` bytes.
"""

import copy
import json
import logging
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from mltask_operator.escaping import escape, one_line
from mltask_operator.logs.tracebacks import fitting, traceback_lines

RECORD_LIMIT = 8192
MESSAGE_LIMIT = 4096
TRACEBACK_LIMIT = 3072
FIELD_LIMIT = 256
"""Bytes: of a record, of its message, its traceback, and any other field."""
MOST_ITEMS = 16
MOST_NESTED = 3
CONTINUATION = "  | "

_LARGEST = 2**63
_BASE_FIELDS = ("time", "level", "logger", "message", "exc_info", "namespace", "task")


def message_of(record: logging.LogRecord) -> str:
    """Return the record's message as one line. If it cannot be formatted, return its template."""
    try:
        text = record.getMessage()
    except Exception as error:  # a wrong argument, or one that raises as it is shown
        text = f"{record.msg!s} (its arguments do not fit: {type(error).__name__})"
    return one_line(text, MESSAGE_LIMIT)


class PlainFormatter(logging.Formatter):
    """Lines for people: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{self.formatTime(record)} {record.levelname} {message_of(record)}"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines = traceback_lines(error, TRACEBACK_LIMIT)
        else:
            lines = fitting(
                (record.exc_text or record.stack_info or "").splitlines(), TRACEBACK_LIMIT
            )
        return "\n".join([head, *(CONTINUATION + line for line in lines)])


class JsonLines(JsonFormatter):
    """JSON objects for log collectors, also safe to print once they are decoded."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def format(self, record: logging.LogRecord) -> str:
        # A copy, since other handlers get the same record.
        plain = copy.copy(record)
        plain.msg, plain.args = message_of(record), None
        return super().format(plain)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (it overrides logging's)
        return "\n".join(traceback_lines(ei[1], TRACEBACK_LIMIT)) if ei[1] else ""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {escape(str(name)): _field(name, value) for name, value in log_data.items()}

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        line = json.dumps(log_data)
        if len(line) <= RECORD_LIMIT:
            return line
        base = {name: log_data[name] for name in _BASE_FIELDS if name in log_data}
        return json.dumps({**base, "is_cut": True})


def _field(name: str, value: Any) -> Any:
    if name == "message":
        return value
    if name in ("exc_info", "stack_info") and isinstance(value, str):
        return "\n".join(fitting(value.splitlines(), TRACEBACK_LIMIT))
    return _safe(value, 0)


def _safe(value: Any, depth: int) -> Any:
    """Return the value as JSON can hold it, with its text escaped and cut."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -_LARGEST <= value < _LARGEST:
        return int(value)
    if depth < MOST_NESTED and isinstance(value, dict):
        items = list(value.items())[:MOST_ITEMS]
        return {_text(key): _safe(item, depth + 1) for key, item in items}
    if depth < MOST_NESTED and isinstance(value, list | tuple):
        return [_safe(item, depth + 1) for item in value[:MOST_ITEMS]]
    if isinstance(value, float) and abs(value) < float("inf"):
        return value
    return _text(value)


def _text(value: object) -> str:
    try:
        return one_line(str(value), FIELD_LIMIT)
    except Exception as error:  # an object that raises as it is shown
        return f"({type(error).__name__})"
