"""The values of PriorityClasses, by which the tasks that wait for quota are ordered."""

import asyncio

from mltask_operator.runtime.server import Server


class Priorities:
    """The PriorityClasses as last listed. `are_wanted` is set where one is asked for in vain."""

    def __init__(self, api: Server) -> None:
        self._api = api
        self._values: dict[str, int] = {}
        self._default = 0
        self._unknown: set[str] = set()
        self.are_wanted = asyncio.Event()
        self._listing = asyncio.Lock()

    def value(self, name: str | None) -> int:
        """Return the value of the class or, without a name, of the cluster's default; else 0.

        Before the first listing, and so where the operator may not list them, all have 0.
        """
        if name is None:
            return self._default
        if name not in self._values and name not in self._unknown:
            self._unknown.add(name)
            self.are_wanted.set()
        return self._values.get(name, 0)

    async def refresh(self) -> None:
        """List the classes anew. Raise ApiError or Unreachable where that fails.

        They stay wanted then, and what was known stays known.
        """
        # One at a time: how long the API server asked one of them to wait, another would not know.
        async with self._listing:
            self.are_wanted.clear()
            try:
                classes = await self._api.priority_classes()
            except OSError:
                self.are_wanted.set()
                raise
        self._values = {item["metadata"]["name"]: item["value"] for item in classes}
        self._default = next((item["value"] for item in classes if item.get("globalDefault")), 0)
        self._unknown -= self._values.keys()
