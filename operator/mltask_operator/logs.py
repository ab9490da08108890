"""Where the log goes and what a line looks like: plain for people, JSON for collectors."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

PLAIN = "%(asctime)s %(levelname)s %(message)s"


def configure_logging(log_format: str, level: str) -> None:
    """Send all logging to standard error, as `plain` or `json` lines, from this level on.

    Kopf's own loggers speak from WARNING on, or with level debug in full.
    """
    handler = logging.StreamHandler(sys.stderr)
    if log_format == "json":
        fields = "{asctime}{levelname}{name}{message}"
        renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
        formatter: logging.Formatter = JsonFormatter(fields, style="{", rename_fields=renamed)
        formatter.default_msec_format = "%s.%03d"
    else:
        formatter = logging.Formatter(PLAIN)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for chatty in ("kopf", "asyncio", "aiohttp.access"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        # It warns of a missing kubeconfig, and then raises what says the same.
        logging.getLogger("kubernetes").setLevel(logging.ERROR)
