"""All faults of the wire, two at a time, as a lot has it."""

import random

from tests.chaos.wire import OnWire, Several
from tests.chaos.wire_requests import (
    Away,
    Conflict,
    Latency,
    LateWrite,
    RefusedTokens,
    ResetAfter,
    ResetBefore,
    ServerError,
    ServerErrorAfter,
    TooManyRequests,
)
from tests.chaos.wire_watches import Gap, HalfAnEvent, HalfAnEventInOrder, LateWatch, StaleLists
from tests.chaos.wired import Wired

HUNDREDS = 200


class Mix(Several):
    """Somebody has to tell it when its `turn` is, and to `stop`."""

    def __init__(self, lot: random.Random) -> None:
        self._lot = lot
        self._tokens, self._limit, latency = RefusedTokens(), TooManyRequests(), Latency()
        # Only its watches are deceived: an operator that starts has nothing but its first lists.
        stale = StaleLists("kopf")
        of_watches = [stale, Gap(), HalfAnEvent(), HalfAnEventInOrder(), LateWatch()]
        of_requests: list[OnWire] = [Conflict(), self._limit, ServerError(), ServerErrorAfter()]
        of_requests += [ResetBefore(), ResetAfter(), LateWrite(), Away()]
        super().__init__(self._tokens, *of_watches, *of_requests, latency)
        # One of each is on at a time, so that both have something to befall.
        self._kinds = ([self._tokens, *of_watches, latency], of_requests)
        self._due: list[tuple[OnWire, ...]] = []
        self._on: tuple[OnWire, ...] = ()

    @property
    def total(self) -> int:
        """How many requests were struck."""
        return sum(fault.struck for fault in self.faults)

    @property
    def has_struck(self) -> bool:
        """Whether each of the faults has befallen a request, and all together hundreds."""
        return self.total > HUNDREDS and all(fault.struck for fault in self.faults)

    @property
    def too_soon(self) -> list[str]:
        """Tells of whoever asked again before the time that Retry-After gave."""
        return self._limit.too_soon

    def turn(self, run: Wired) -> float:
        """End what is on and begin something else; return for how many seconds it is to be on."""
        self.stop(run)
        if not self._due:
            drawn = [self._lot.sample(faults, len(faults)) for faults in self._kinds]
            self._due = list(zip(*drawn, strict=False))
        self._on = self._due.pop()
        for fault in self._on:
            fault.begin()
        if self._tokens in self._on:
            is_late = self._lot.random() < 0.5
            self._tokens.tokens.add(run.token if is_late else run.rotate_token())
        run.proxy.cut_watches()
        return self._lot.uniform(2, 4)

    def stop(self, run: Wired) -> None:
        """End what is on; a token that was refused stays so."""
        for fault in self._on:
            fault.end()
        if run.token in self._tokens.tokens:
            run.rotate_token()
        self._on = ()
