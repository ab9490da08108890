"""What befalls requests on the wire."""

import asyncio
import itertools
import time
from collections.abc import Hashable

from aiohttp import web

from tests.chaos.proxy import Call
from tests.chaos.wire import Once, OnWire, identity

CLOCKS_RESOLUTION = 0.01


class Away(OnWire):
    name = "outage"
    how = "every connection is reset at once"

    async def strike(self, call: Call) -> web.StreamResponse:
        return call.cut()


class Latency(OnWire):
    name = "latency"
    how = "each request waits for a second and a half"

    async def strike(self, call: Call) -> web.StreamResponse:
        await asyncio.sleep(1.5)
        return await call.forward()


class ResetBefore(Once):
    name = "reset before"
    how = "the connection is reset before the API server hears of the request"

    async def strike(self, call: Call) -> web.StreamResponse:
        return call.cut()


class ResetAfter(Once):
    name = "reset after"
    how = "the API server does what is asked, and the connection is reset before the answer"

    def concerns(self, call: Call) -> bool:
        return not call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        await call.withhold()
        return call.cut()


class LateWrite(Once):
    """A creation is left alone: once its Pod is gone, nothing tells a late copy from a new one."""

    name = "late write"
    how = "a patch or deletion reaches the API server three seconds after its connection was reset"

    def __init__(self) -> None:
        super().__init__()
        self._late: set[asyncio.Task[None]] = set()

    @property
    def is_quiet(self) -> bool:
        return not self._late

    def concerns(self, call: Call) -> bool:
        return call.method in ("PATCH", "DELETE")

    async def strike(self, call: Call) -> web.StreamResponse:
        late = asyncio.create_task(self._send(call))
        self._late.add(late)
        late.add_done_callback(self._late.discard)
        return call.cut()

    async def _send(self, call: Call) -> None:
        await asyncio.sleep(3)
        await call.withhold()


class TooManyRequests(Once):
    """`too_soon` tells of whoever asked again before the time that Retry-After gave."""

    name = "429"
    how = "429 with Retry-After: 2; who asks again before that has broken it"
    SECONDS = 2

    def __init__(self) -> None:
        super().__init__()
        self.too_soon: list[str] = []
        self._until: dict[Hashable, float] = {}

    async def note(self, call: Call) -> None:
        request = await identity(call)
        early = self._until.pop(request, 0) - time.monotonic()
        if early > CLOCKS_RESOLUTION:
            self.too_soon.append(f"{early:.2f} s too soon: {call.method} {call.path}")

    async def strike(self, call: Call) -> web.StreamResponse:
        self._until[await identity(call)] = time.monotonic() + self.SECONDS
        headers = {"Retry-After": str(self.SECONDS)}
        return call.refuse(429, "TooManyRequests", **headers)

    def forget(self) -> None:
        self._until.clear()


class ServerError(Once):
    name = "500, 503"
    how = "500 or 503 instead of what was asked for: to reads, writes and watches"

    def __init__(self) -> None:
        super().__init__()
        self._codes = itertools.cycle(((500, "InternalError"), (503, "ServiceUnavailable")))

    async def strike(self, call: Call) -> web.StreamResponse:
        return call.refuse(*next(self._codes))


class ServerErrorAfter(ResetAfter):
    name = "500, 504 after"
    how = "the API server does what is asked, and the answer is 500 or 504"

    def __init__(self) -> None:
        super().__init__()
        self._codes = itertools.cycle(((500, "InternalError"), (504, "Timeout")))

    async def strike(self, call: Call) -> web.StreamResponse:
        await call.withhold()
        return call.refuse(*next(self._codes))


class Conflict(Once):
    name = "409"
    how = "409 Conflict to a patch, which is not done"

    def concerns(self, call: Call) -> bool:
        return call.method == "PATCH"

    async def strike(self, call: Call) -> web.StreamResponse:
        return call.refuse(409, "Conflict")


class RefusedTokens(OnWire):
    """Refuses its `tokens`, from the first to the last."""

    name = "401"
    how = "401 to every request, until it comes with the token that has replaced the old one"

    def __init__(self) -> None:
        super().__init__()
        self.is_on = True
        self.tokens: set[str] = set()

    def end(self) -> None:
        """Go on: a token that was refused stays so."""

    async def befalls(self, call: Call) -> bool:
        return call.token in self.tokens

    async def strike(self, call: Call) -> web.StreamResponse:
        return call.refuse(401, "Unauthorized")
