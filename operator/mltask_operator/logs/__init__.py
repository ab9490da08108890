"""Logging: where it goes, what a line looks like, and how much of it a tenant can cause.

Records hold text that users wrote. `formatters` makes each record one bounded line without control
characters, and `limits` bounds how many records one namespace or one statement may write.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from mltask_operator.logs.formatters import JsonLines, PlainFormatter
from mltask_operator.logs.handler import Handler

logger = logging.getLogger(__name__)


def configure_logging(log_format: str, level: str) -> None:
    """Send all logging to standard error, as `plain` or `json` lines, from this level on.

    Warnings of Python and unhandled exceptions are logged, too. Kopf and aiohttp log from WARNING
    on, or with level debug in full.
    """
    handler = Handler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else PlainFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.lastResort = handler
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_unhandled
    threading.excepthook = _log_unhandled_in_thread
    sys.unraisablehook = _log_unraisable
    if level != "debug":
        for chatty in ("kopf", "asyncio", "aiohttp.access"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        # It logs a warning about a missing kubeconfig and then raises the same error.
        logging.getLogger("kubernetes").setLevel(logging.ERROR)


def _log_unhandled(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if isinstance(error, KeyboardInterrupt):
        logger.info("interrupted")
        return
    logger.critical("unhandled exception", exc_info=(kind, error, trace))


def _log_unhandled_in_thread(args: threading.ExceptHookArgs) -> None:
    if isinstance(args.exc_value, Exception):
        _log_unhandled(args.exc_type, args.exc_value, args.exc_traceback)


def _log_unraisable(unraisable: Any) -> None:
    error = unraisable.exc_value
    text = unraisable.err_msg or "ignored an exception"
    logger.error("%s", text, exc_info=(type(error), error, unraisable.exc_traceback))
