"""What goes wrong between the operator and the API server, time and again while it is on."""

import json
from collections.abc import Hashable

from aiohttp import web

from tests.chaos.proxy import Call


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
        request = await identity(call)
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


async def identity(call: Call) -> Hashable:
    """Return what makes a request the same one when it is made again.

    A watch is the same wherever it goes on, and a status is written anew at the time of each try.
    """
    where = call.path if call.is_watch else call.target
    body = json.loads(await call.body() or b"{}")
    body.pop("status", None)
    return call.agent, call.method, where, call.is_watch, json.dumps(body)
