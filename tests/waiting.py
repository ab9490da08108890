"""Waiting for a condition, with a bound."""

import threading
import time
from collections.abc import Callable

BOUND = 120.0
"""Seconds until a test stops waiting. A busy machine needs most of them; no other machine does."""

_never = threading.Event()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = BOUND) -> None:
    """Return as soon as the condition holds; fail, naming it, if that takes longer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        _never.wait(0.05)
