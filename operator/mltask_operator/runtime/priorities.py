"""PriorityClasses: their values order the tasks that wait for quota."""

import asyncio

from mltask_operator.runtime.server import Server


class Priorities:
    """The PriorityClasses as last listed. `are_wanted` is set when a task names an unknown one."""

    def __init__(self, api: Server) -> None:
        self._api = api
        self._values: dict[str, int] = {}
        self._default = 0
        self._unknown: set[str] = set()
        self.are_wanted = asyncio.Event()
        self._listing = asyncio.Lock()

    def value(self, name: str | None) -> int:
        """Return the value of the class or, without a name, of the cluster's default; else 0.

        All are 0 before the first listing, and where the operator may not list them.
        """
        if name is None:
            return self._default
        if name not in self._values and name not in self._unknown:
            self._unknown.add(name)
            self.are_wanted.set()
        return self._values.get(name, 0)

    async def refresh(self) -> None:
        """Relist the classes. Raise ApiError, Unreachable or Unreadable where that fails.

        They stay wanted then, and the values from before stay valid.
        """
        # One request at a time: a second one would not know of the first one's Retry-After.
        async with self._listing:
            self.are_wanted.clear()
            try:
                classes = await self._api.priority_classes()
            except BaseException:
                self.are_wanted.set()
                raise
        # The API server demands a value of each class; one without it must not hide the others.
        valid = [item for item in classes if isinstance(item.get("value"), int)]
        self._values = {item["metadata"]["name"]: item["value"] for item in valid}
        self._default = next((item["value"] for item in valid if item.get("globalDefault")), 0)
        self._unknown -= self._values.keys()
