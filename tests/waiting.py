"""Waiting for a condition, with a bound."""

import threading
import time
from collections.abc import Callable

_never = threading.Event()


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Return as soon as the condition holds; fail, naming it, if that takes longer."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        _never.wait(0.05)
