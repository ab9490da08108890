"""What was: how to tell that a listing or a watch shows an MLTask as it is no more."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mltask_operator.kube import parse

FRESH = timedelta(seconds=60)
"""How long after its creation, at the latest, a watch tells of a task in the normal course."""


class Past:
    """Judges tasks that are not known: listings take their time or lag, as may watches after them.

    A task that went and came back would be given a Pod.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open_at = 0
        """The resourceVersion of the last listing of all tasks that were not finished."""
        self._gone: dict[str, datetime] = {}
        """Uids of tasks that went within the last FRESH, and when; the oldest comes first."""

    def note_open_tasks(self, version: int) -> None:
        """Note that all tasks that were not finished at this resourceVersion are known."""
        self._open_at = max(self._open_at, version)

    def note_gone(self, uid: str) -> None:
        """Note that the task of this uid has just gone."""
        now = self._clock()
        while self._gone and now - next(iter(self._gone.values())) > FRESH:
            del self._gone[next(iter(self._gone))]
        self._gone[uid] = now

    def has_gone(self, uid: str) -> bool:
        """Whether the task of this uid went a moment ago, so that who asked before may show it."""
        return uid in self._gone

    def holds(self, body: dict[str, Any]) -> bool:
        """Whether the MLTask has certainly finished or gone since it was like this."""
        return parse.version_of(body) <= self._open_at and not parse.is_finished(body)

    def may_hold(self, body: dict[str, Any]) -> bool:
        """Whether nobody but the API server itself can tell if there still is such an MLTask."""
        age = self._clock() - parse.created_at(body)
        return age > FRESH and not parse.is_finished(body)
