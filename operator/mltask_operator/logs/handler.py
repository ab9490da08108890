"""Handler: writes records to a stream, and never raises over what a record holds."""

import logging
from typing import TextIO

from mltask_operator.logs.limits import RateLimit


class Handler(logging.StreamHandler[TextIO]):
    """A stream handler with a rate limit, which reports what it drops."""

    def __init__(self, stream: TextIO, limit: RateLimit | None = None) -> None:
        super().__init__(stream)
        self._limit = limit or RateLimit()
        self.addFilter(self._limit)

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # logging would print the record as it is, with its raw text
            fault = f"a log record of {record.name!r} could not be written: {type(error).__name__}"
            return super().format(_warning(fault))

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, after what is due to be said about dropped ones."""
        for text, namespace in self._limit.reports():
            super().emit(_warning(text, namespace))
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (it overrides logging's)
        """Ignore that the stream is closed or full: there is no other place to say so."""

    def close(self) -> None:
        """Report what was dropped since the last report, as the process ends."""
        for text, namespace in self._limit.reports(is_last=True):
            super().emit(_warning(text, namespace))
        super().close()


def _warning(text: str, namespace: str | None = None) -> logging.LogRecord:
    record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
    if namespace is not None:
        record.namespace = namespace
    return record
