"""Tracebacks as bounded lines: only our own interpreter breaks lines, never an exception's text."""

import traceback
from collections.abc import Iterator

from mltask_operator.escaping import one_line, size

LINE_LIMIT = 512
MOST_CHAINED = 8
MOST_FRAMES = 30
MOST_IN_GROUP = 4
MOST_NESTED = 2

_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"


def traceback_lines(error: BaseException, limit: int) -> list[str]:
    """Return the traceback as Python prints it, each line escaped, in at most `limit` bytes.

    Its end has the exception itself, so the first lines are left out if it is too long.
    """
    return fitting(list(_chain(error, 0)), limit)


def fitting(lines: list[str], limit: int) -> list[str]:
    """Return these lines escaped and cut, without the first ones if all take too many bytes."""
    kept: list[str] = []
    for line in reversed(lines):
        safe = one_line(line, LINE_LIMIT)
        limit -= size(safe) + 2
        if limit < 0:
            kept.append("... (cut)")
            break
        kept.append(safe)
    return kept[::-1]


def _chain(error: BaseException, depth: int) -> Iterator[str]:
    links: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    following: BaseException | None = error
    link = ""
    while following is not None and id(following) not in seen and len(links) < MOST_CHAINED:
        links.append((following, link))
        seen.add(id(following))
        if following.__cause__ is not None:
            following, link = following.__cause__, _CAUSE
        elif not following.__suppress_context__:
            following, link = following.__context__, _CONTEXT
        else:
            following = None
    for one, sentence in reversed(links):
        yield from _lines(one, depth)
        if sentence:
            yield sentence


def _lines(error: BaseException, depth: int) -> Iterator[str]:
    if error.__traceback__:
        yield "Traceback (most recent call last):"
        for frame in traceback.format_tb(error.__traceback__, limit=-MOST_FRAMES):
            yield from frame.splitlines()
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    text = _text(error)
    yield f"{name}: {text}" if text else name
    for note in getattr(error, "__notes__", ()):
        yield str(note)
    if isinstance(error, BaseExceptionGroup) and depth < MOST_NESTED:
        for one in error.exceptions[:MOST_IN_GROUP]:
            yield from ("  " + line for line in _chain(one, depth + 1))


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a class of somebody else's; the log must not fail over it
        return "(its text raised an exception)"
