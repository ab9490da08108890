"""What others than the operator's own code log goes through the same handler."""

import asyncio
import logging
import sys
import threading
import warnings
from collections.abc import Callable

import pytest

from tests.unit.log_capture import RECORD, Log, harmful, raised

pytestmark = pytest.mark.usefixtures("logging_as_before")

FORGED = "a\n2026-01-01 00:00:00,000 INFO forged\x1b[2J"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log("plain", monkeypatch)


def warn() -> None:
    warnings.warn(FORGED, stacklevel=1)


def end_a_task() -> None:
    async def fail() -> None:
        raise ValueError(FORGED)

    async def forget() -> None:
        task = asyncio.create_task(fail())
        await asyncio.wait([task])

    asyncio.run(forget())


def call_the_hook() -> None:
    error = raised(ValueError(FORGED))
    sys.excepthook(type(error), error, error.__traceback__)


def end_a_thread() -> None:
    def fail() -> None:
        raise ValueError(FORGED)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def log_without_a_handler() -> None:
    lonely = logging.getLogger("tests.lonely")
    lonely.parent = None
    lonely.error(FORGED)


@pytest.mark.parametrize(
    "act",
    [
        warn,
        end_a_task,
        call_the_hook,
        end_a_thread,
        log_without_a_handler,
        lambda: logging.getLogger("aiohttp.server").error("%s", FORGED),
        lambda: logging.getLogger("kopf.objects").error(FORGED),
    ],
)
# Pytest has hooks of its own for what these do.
@pytest.mark.filterwarnings("always")
def test_what_others_log_is_escaped_too(plain: Log, act: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        act()
    written = plain.written()
    assert "INFO forged" in written
    for line in written.split("\n"):
        assert RECORD.match(line) or line.startswith("  | ")
        assert not line.endswith("INFO forged")
        assert not harmful(line)
