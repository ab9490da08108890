"""A clock for code that asks what time it is."""

from datetime import datetime

from tests.unit.pods import NOW, seconds


class Clock:
    """Stands still at NOW until told otherwise."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, count: float) -> None:
        """Let this time pass."""
        self.now += seconds(count)
