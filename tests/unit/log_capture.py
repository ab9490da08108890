"""What the configured log writes, and what is harmful in it."""

import io
import logging
import re
import sys
import unicodedata

import pytest

from mltask_operator.logs import configure_logging
from mltask_operator.logs.handler import Handler

RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")
HARMFUL = ("Cc", "Cf", "Cs", "Zl", "Zp")


class Log:
    """What the configured handler wrote into a stream as strict as UTF-8 can be."""

    def __init__(self, log_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bytes = io.BytesIO()
        stream = io.TextIOWrapper(self._bytes, encoding="utf-8", errors="strict", newline="")
        monkeypatch.setattr(sys, "stderr", stream)
        configure_logging(log_format, "debug")

    def detach_others(self) -> None:
        """Take away pytest's own handlers, which raise over a record that does not fit."""
        handlers = logging.getLogger().handlers
        handlers[:] = [handler for handler in handlers if isinstance(handler, Handler)]

    def written(self) -> str:
        """Return what was written since the last call, without its last line break."""
        for handler in logging.getLogger().handlers:
            handler.flush()
        text = self._bytes.getvalue().decode()
        self._bytes.seek(0)
        self._bytes.truncate()
        assert text.endswith("\n")
        return text[:-1]


def harmful(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in HARMFUL]


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # whatever it is, with its traceback
        return caught
