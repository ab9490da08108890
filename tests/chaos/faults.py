"""What befalls the operator at its n-th write."""

import threading
from collections.abc import Callable

from aiohttp import web

from tests.chaos.proxy import Call


class AtWrite:
    """Something that happens once, at one write; `struck` is set when it has happened.

    `kill` ends the operator as a crash does.
    """

    is_deadly = True
    how = ""
    """How it is made, for the report."""

    def __init__(self, write: int, kill: Callable[[], None]) -> None:
        self.struck = threading.Event()
        self._write = write
        self._kill = kill

    async def carry(self, call: Call) -> web.StreamResponse:
        """Forward every request but the one."""
        if call.write != self._write:
            return await call.forward()
        await self.strike(call)
        self.struck.set()
        return call.cut()

    async def strike(self, call: Call) -> None:
        """Do it."""
        raise NotImplementedError


class CrashBefore(AtWrite):
    how = "SIGKILL when it has sent its n-th write, which never reaches the API server"

    async def strike(self, call: Call) -> None:
        """Kill it, and drop what it asked for."""
        self._kill()


class CrashAfter(AtWrite):
    how = "SIGKILL when the API server has done the n-th write, before the operator hears of it"

    async def strike(self, call: Call) -> None:
        """Have it done, then kill it."""
        await call.withhold()
        self._kill()


class LostAnswer(AtWrite):
    is_deadly = False
    how = "the API server does the n-th write, and the connection breaks before the answer"

    async def strike(self, call: Call) -> None:
        """Have it done, and nobody told."""
        await call.withhold()


MODES: dict[str, type[AtWrite]] = {
    "crash before the write": CrashBefore,
    "crash after the write": CrashAfter,
    "answer lost": LostAnswer,
}
