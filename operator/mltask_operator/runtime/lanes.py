"""A queue of keys in lanes, one per namespace, that are served in turn.

One namespace may queue thousands of keys at once. In a single queue, a key of another namespace
would wait behind all of them; in lanes, it waits for one key of each namespace at most. Each
operation takes constant time.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Lane:
    keys: deque[str] = field(default_factory=deque)
    active: int = 0
    """How many of its keys are being worked on."""


class Lanes:
    """Hands out keys lane by lane; within a lane, in the order in which they came."""

    def __init__(self, most_active: int) -> None:
        """Hand out at most `most_active` keys of a lane before the first of them is done.

        So a lane whose work takes long, for example until it times out, leaves workers to others.
        """
        self._most_active = most_active
        self._lanes: dict[str, _Lane] = {}
        self._turns: deque[str] = deque()
        """The lanes that have a key to hand out, the next one first."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, lane: str, key: str) -> None:
        """Add the key to the end of its lane."""
        found = self._lanes.setdefault(lane, _Lane())
        found.keys.append(key)
        self._size += 1
        if len(found.keys) == 1 and found.active < self._most_active:
            self._turns.append(lane)
        self._wake_one()

    async def get(self) -> tuple[str, str]:
        """Return the next lane and key; wait for one where there is none."""
        while not self._turns:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_one()
                raise
        name = self._turns.popleft()
        lane = self._lanes[name]
        key = lane.keys.popleft()
        self._size -= 1
        lane.active += 1
        if lane.keys and lane.active < self._most_active:
            self._turns.append(name)
        return name, key

    def done(self, name: str) -> None:
        """Note that the work on one key of this lane has ended."""
        lane = self._lanes[name]
        was_full = lane.active == self._most_active
        lane.active -= 1
        if lane.keys and was_full:
            self._turns.append(name)
            self._wake_one()
        elif not lane.keys and not lane.active:
            del self._lanes[name]

    def clear(self) -> None:
        """Drop all keys that were not handed out."""
        self._turns.clear()
        self._size = 0
        for lane in self._lanes.values():
            lane.keys.clear()

    def _wake_one(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
