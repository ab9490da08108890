"""Output: columns as kubectl has them, and objects as JSON or YAML. Pure."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import yaml
from pydantic import ValidationError

from mltask import MLTask
from mltask_operator.escaping import escape

Json = dict[str, Any]


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line for the header and for each row, each column as wide as its widest cell.

    Characters that are not printable are escaped.
    """
    lines = [[escape(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def printable(text: str) -> str:
    """Return other people's text without control characters, but for line breaks and tabs."""
    return "\n".join("\t".join(map(escape, line.split("\t"))) for line in text.split("\n"))


def ran_for(task: MLTask, now: datetime) -> float | None:
    """Return for how many seconds the current or last attempt has run; None where it has not."""
    status = task.status
    if status.start_time is None:
        return None
    return ((status.completion_time or now) - status.start_time).total_seconds()


def whole(task: MLTask) -> Json:
    """Return the MLTask with its status, as JSON."""
    body: Json = task.model_dump(mode="json", by_alias=True, exclude_none=True)
    return body


def as_list(tasks: Iterable[MLTask]) -> Json:
    """Return one object that holds them all, as `kubectl get -o json` does."""
    return {"apiVersion": "v1", "kind": "List", "items": [whole(task) for task in tasks]}


def as_json(body: Any) -> str:
    """Return JSON for people."""
    return json.dumps(body, indent=2, ensure_ascii=False)


def as_yaml(body: Json) -> str:
    """Return a manifest."""
    text: str = yaml.safe_dump(body, sort_keys=False, allow_unicode=True)
    return text.rstrip()


def faults(error: ValidationError) -> str:
    """Return what is wrong, a line for each field, by the names that stand in a manifest."""
    return "\n".join(f"{_field(fault['loc'])}: {fault['msg']}" for fault in error.errors())


def _field(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "the document"
