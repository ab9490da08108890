"""What befalls watches on the wire, and the lists that they begin with."""

import asyncio
import functools
import json

from aiohttp import web

from tests.chaos.proxy import Call, Pieces, status_object
from tests.chaos.wire import Once, OnWire


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


class Gap(OnWire):
    name = "410"
    how = "no watch gets through, and then each ends in 410 Gone: what went meanwhile is never told"

    async def befalls(self, call: Call) -> bool:
        return call.is_watch

    async def strike(self, call: Call) -> web.StreamResponse:
        while self.is_on:  # noqa: ASYNC110 (another thread sets it)
            await asyncio.sleep(0.05)
        return _gone()


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
