"""Fair queue: a bounded queue that serves its keys in turn, so that none crowds out the others."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A first-in-first-out queue per key; every operation takes constant time."""

    def __init__(self, capacity: int) -> None:
        """Hold at most `capacity` items, of all keys together."""
        self._capacity = capacity
        self._count = 0
        self._turns: OrderedDict[str, deque[T]] = OrderedDict()
        """The keys that have items, the one that is served next first."""
        self._by_length: dict[int, dict[str, None]] = {}
        """The keys by the length of their queue, the one that grew to it last at the end."""
        self._longest = 0

    def __len__(self) -> int:
        return self._count

    def put(self, key: str, item: T) -> str | None:
        """Add an item for this key. Return the key that lost its newest item to make room, if any.

        That is the key with the most items. The given key may lose the given item.
        """
        queue = self._turns.setdefault(key, deque())
        queue.append(item)
        self._count += 1
        self._relocate(key, len(queue) - 1, len(queue))
        if self._count <= self._capacity:
            return None
        loser = next(reversed(self._by_length[self._longest]))
        self._turns[loser].pop()
        self._shrink(loser)
        return loser

    def take(self) -> T:
        """Remove and return the oldest item of the key that is next. Raise IndexError if empty."""
        if not self._turns:
            raise IndexError("take from an empty queue")
        key, queue = next(iter(self._turns.items()))
        item = queue.popleft()
        self._turns.move_to_end(key)
        self._shrink(key)
        return item

    def _shrink(self, key: str) -> None:
        length = len(self._turns[key])
        self._count -= 1
        self._relocate(key, length + 1, length)
        if not length:
            del self._turns[key]

    def _relocate(self, key: str, before: int, after: int) -> None:
        """Keep the keys by length, and the greatest length, which a step changes by one at most."""
        if before:
            same = self._by_length[before]
            del same[key]
            if not same:
                del self._by_length[before]
        if after:
            self._by_length.setdefault(after, {})[key] = None
        if after > self._longest or self._longest not in self._by_length:
            self._longest = after
