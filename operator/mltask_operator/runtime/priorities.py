"""PriorityClasses: their values order the tasks that wait for quota."""

import asyncio

from mltask_operator.runtime.server import Server

MAX_UNKNOWN = 1000
"""The most names of unknown classes that are kept, since users make them up. Further ones are known
after the next listing, which follows within ten minutes."""


class Priorities:
    """The PriorityClasses as last listed. `are_wanted` is set when a task names an unknown one."""

    def __init__(self, api: Server) -> None:
        self._api = api
        self._values: dict[str, int] = {}
        self._default: str | None = None
        self._unknown: set[str] = set()
        self.are_wanted = asyncio.Event()
        self._listing = asyncio.Lock()

    def value(self, name: str | None) -> int:
        """Return the value of the class or, without a name, of the cluster's default; else 0.

        All are 0 before the first listing, and where the operator may not list them.
        """
        if name is None:
            return 0 if self._default is None else self._values[self._default]
        is_unknown = name not in self._values and name not in self._unknown
        if is_unknown and len(self._unknown) < MAX_UNKNOWN:
            self._unknown.add(name)
            self.are_wanted.set()
        return self._values.get(name, 0)

    def default_class(self) -> str | None:
        """Return the name of the cluster's default class; None where there is none."""
        return self._default

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
        # There should be one at most. Of several, admission takes the one with the lowest value.
        defaults = [item["metadata"]["name"] for item in valid if item.get("globalDefault")]
        self._default = min(defaults, key=self._values.__getitem__, default=None)
        if len(self._unknown) >= MAX_UNKNOWN:
            self._unknown.clear()
        self._unknown -= self._values.keys()
