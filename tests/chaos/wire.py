"""What goes wrong between the operator and the API server, time and again while it is on."""

import asyncio
import functools
import itertools
import json
import time
from collections.abc import Hashable

from aiohttp import web

from tests.chaos.proxy import Call, Pieces, status_object

CLOCKS_RESOLUTION = 0.01


class OnWire:
    """Befalls requests while it `is_on`, and counts them: `struck`."""

    name = ""
    how = ""
    """How it is made, for the report."""

    def __init__(self) -> None:
        self.is_on = False
        self.struck = 0

    def begin(self) -> None:
        """Befall requests from now on."""
        self.is_on = True

    def end(self) -> None:
        """Leave them alone again."""
        self.is_on = False

    def forget(self) -> None:
        """Forget whom it has spoken to: he is no more, and another operator starts."""

    @property
    def is_quiet(self) -> bool:
        """Whether all is done that it was to do."""
        return True

    async def carry(self, call: Call) -> web.StreamResponse:
        """See to a request."""
        await self.note(call)
        if self.is_on and await self.befalls(call):
            return await self.do(call)
        return await call.forward()

    async def do(self, call: Call) -> web.StreamResponse:
        """Strike, and count it."""
        self.struck += 1
        return await self.strike(call)

    async def note(self, call: Call) -> None:
        """Take note of any request."""

    async def befalls(self, call: Call) -> bool:
        """Whether this request is one that it may befall."""
        return True

    async def strike(self, call: Call) -> web.StreamResponse:
        """Do it."""
        raise NotImplementedError


class Once(OnWire):
    """Befalls each request once: what is asked again goes through."""

    def __init__(self) -> None:
        super().__init__()
        self._met: set[Hashable] = set()

    def begin(self) -> None:
        self._met = set()
        super().begin()

    async def befalls(self, call: Call) -> bool:
        request = await _request(call)
        is_new = self.concerns(call) and request not in self._met
        if is_new:
            self._met.add(request)
        return is_new

    def concerns(self, call: Call) -> bool:
        """Whether it is for requests like this one."""
        return True


class Several(OnWire):
    """Faults of which the first one strikes that is on and befalls the request."""

    def __init__(self, *faults: OnWire) -> None:
        super().__init__()
        self.faults = faults

    @property
    def is_quiet(self) -> bool:
        return all(fault.is_quiet for fault in self.faults)

    async def carry(self, call: Call) -> web.StreamResponse:
        for fault in self.faults:
            await fault.note(call)
        for fault in self.faults:
            if fault.is_on and await fault.befalls(call):
                return await fault.do(call)
        return await call.forward()

    def forget(self) -> None:
        for fault in self.faults:
            fault.forget()


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


class LateWatch(OnWire):
    name = "late watch"
    how = "watches tell of everything two seconds late"

    async def befalls(self, call: Call) -> bool:
        return call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        async def late(pieces: Pieces) -> Pieces:
            async for piece in pieces:
                await asyncio.sleep(2)
                yield piece

        return await call.forward(late)


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


class HalfAnEvent(OnWire):
    name = "half an event"
    how = "each watch breaks off in the middle of its second event"

    async def befalls(self, call: Call) -> bool:
        return call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        async def cut(pieces: Pieces) -> Pieces:
            yield await anext(pieces)
            yield _half(await anext(pieces))
            raise ConnectionResetError

        return await call.forward(cut)


class HalfAnEventInOrder(Once):
    name = "half an event, then the end"
    how = "a watch ends in the middle of an event, in good order as HTTP has it"

    def concerns(self, call: Call) -> bool:
        return call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        async def end(pieces: Pieces) -> Pieces:
            yield _half(await anext(pieces))

        return await call.forward(end)


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
        request = await _request(call)
        early = self._until.pop(request, 0) - time.monotonic()
        if early > CLOCKS_RESOLUTION:
            self.too_soon.append(f"{early:.2f} s too soon: {call.method} {call.path}")

    async def strike(self, call: Call) -> web.StreamResponse:
        self._until[await _request(call)] = time.monotonic() + self.SECONDS
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


class Gap(OnWire):
    name = "410"
    how = "no watch gets through, and then each ends in 410 Gone: what went meanwhile is never told"

    async def befalls(self, call: Call) -> bool:
        return call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        while self.is_on:  # noqa: ASYNC110 (another thread sets it)
            await asyncio.sleep(0.05)
        return _gone()


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


class StaleLists(Once):
    """Keeps what each list was when it was last asked for; `agents` are those it deceives."""

    name = "stale list"
    how = "after 410 a list is answered as it was before, and the watch goes on from there"

    def __init__(self, *agents: str) -> None:
        super().__init__()
        self.noted = 0
        """How many lists were kept."""
        self._agents = agents
        self._kept: dict[str, functools.partial[web.Response]] = {}

    async def note(self, call: Call) -> None:
        if call.is_list and not self.is_on:
            answer = await call.withhold()
            if answer.status == 200:
                self.noted += 1
                self._kept[call.target] = functools.partial(
                    web.Response, headers=answer.headers, body=answer.body
                )

    async def befalls(self, call: Call) -> bool:
        if call.is_watch:
            return await super().befalls(call)
        return call.is_list and call.agent in self._agents and call.target in self._kept

    async def strike(self, call: Call) -> web.StreamResponse:
        return _gone() if call.is_watch else self._kept[call.target]()


def _gone() -> web.Response:
    event = {"type": "ERROR", "object": status_object(410, "Expired")}
    return web.Response(text=json.dumps(event) + "\n", content_type="application/json")


def _half(piece: bytes) -> bytes:
    return piece[: len(piece) // 2]


async def _request(call: Call) -> Hashable:
    """Return what makes a request the same one when it is made again.

    A watch is the same wherever it goes on, and a status is written anew at the time of each try.
    """
    body = json.loads(await call.body() or b"{}")
    body.pop("status", None)
    return call.agent, call.method, call.path, call.is_watch, json.dumps(body)
