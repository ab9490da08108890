"""An event loop whose clock leaps to the next timer, so that waiting takes no time."""

import asyncio
import selectors


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop for code that waits for its own timers and tasks alone.

    Its time starts at 0 seconds and passes only when nothing else is left to do. A test that would
    wait for ever fails at once.
    """

    def __init__(self) -> None:
        self._clock = _LeapingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now

    def leap(self, seconds: float) -> None:
        """Let time pass in which nothing runs, as it does for a process that is paused."""
        self._clock.now += seconds


class _LeapingSelector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise AssertionError("nothing is left that could end this wait")
            self.now += timeout
        return ready


async def let_pass(seconds: float = 0.001) -> None:
    """Return when all that can happen within these seconds of virtual time has happened."""
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    await asyncio.sleep(seconds)
