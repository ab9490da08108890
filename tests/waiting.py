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
    while True:
        began = time.monotonic()
        if holds():
            return
        now = time.monotonic()
        assert now < deadline, f"not within {seconds} s: {what}"
        # A costly look, such as a list of many objects, must not keep a CPU busy.
        _never.wait(min(1.0, max(0.05, 4 * (now - began))))
