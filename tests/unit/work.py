"""What a queue of keys has done, for tests of the queue."""

import asyncio
from collections import deque
from datetime import timedelta

from tests.unit.pods import seconds

WORKERS = 3
GRACE = seconds(3)
"""How long a queue's stop waits for what is under way."""


class Work:
    """Notes each call; ends it with the next of `answers`, and not while `gate` is closed."""

    def __init__(self) -> None:
        self.started: list[tuple[str, float]] = []
        self.under_way: list[str] = []
        self.most_at_once = 0
        self.most_of_one_key = 0
        self.answers: deque[timedelta | Exception | None] = deque()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, key: str) -> timedelta | None:
        self.started.append((key, asyncio.get_running_loop().time()))
        self.under_way.append(key)
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        self.most_of_one_key = max(self.most_of_one_key, self.under_way.count(key))
        try:
            await self.gate.wait()
        finally:
            self.under_way.remove(key)
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.started]

    @property
    def times(self) -> list[float]:
        """When each work was started, to a hundredth of a second."""
        return [round(time, 2) for _, time in self.started]
