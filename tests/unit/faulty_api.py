"""An API server in memory behind a bad network: late, failing and lost answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any

from mltask_operator.kube.errors import ApiError, StrayAnswer, Unreachable
from tests.unit.quota_api import QuotaApi

Json = dict[str, Any]
DELAYS = (0, 0, 0.01, 0.5, 2)
REQUESTS = (
    "create_pod",
    "get_pod",
    "delete_pod",
    "hold_pod",
    "release_pod",
    "label_pod",
    "get_task",
    "delete_task",
    "patch_status",
)


class FaultyApi(QuotaApi):
    """A server with a quota, which random faults keep from its clients until it is `calm`."""

    def __init__(self, clock: Callable[[], datetime], hard: int, random: Random) -> None:
        super().__init__(clock, hard)
        self.random = random
        self.is_calm = False


class Connection:
    """One operator's way to the server. Once it is cut, nothing goes through in either direction.

    With that, the operator at its end is as good as dead.
    """

    def __init__(self, api: FaultyApi) -> None:
        self._api = api
        self.is_cut = False

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._api, name)
        if name not in REQUESTS:
            return request

        async def faulty(*args: Any, **options: Any) -> Any:
            return await self._through(lambda: request(*args, **options))

        return faulty

    async def list(
        self,
        path: str,
        take: Callable[[Json], object],
        label_selector: str = "",
        field_selector: str = "",
    ) -> int:
        """List after a delay, and hand over what was listed after another one."""
        found: deque[Json] = deque()
        version: int = await self._through(
            lambda: self._api.list(path, found.append, label_selector, field_selector)
        )
        for body in found:
            take(body)
        return version

    async def _through(self, request: Callable[[], Awaitable[Any]]) -> Any:
        await self._pause()
        chance = 1.0 if self._api.is_calm else self._api.random.random()
        if chance < 0.03:
            raise ApiError(500, "InternalError", "etcd is down")
        if chance < 0.05:
            raise ApiError(429, "TooManyRequests", "later", retry_after=2)
        if chance < 0.07:
            raise StrayAnswer(self._api.random.choice([200, 302, 403, 404, 409, 422, 502]), "html")
        if chance < 0.08:
            raise Unreachable("no connection")
        answer = await request()
        await self._pause()
        if chance < 0.11:
            raise Unreachable("the answer was lost")
        return answer

    async def _pause(self) -> None:
        if not self._api.is_calm:
            await asyncio.sleep(self._api.random.choice(DELAYS))
        if self.is_cut:
            await asyncio.Event().wait()
