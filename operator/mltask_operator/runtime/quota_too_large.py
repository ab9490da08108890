"""Tasks that ask for more than a quota holds in all.

They block no other task, and no release of quota helps them; only a larger quota does. Then they
ask again one after another. If all asked at once, a quota that is edited often would keep the
operator busy with the refusals of one namespace.
"""

from bisect import bisect_left, insort

from mltask_operator.runtime.quota_ranks import Rank


class TooLarge:
    """The tasks of one namespace that no quota would admit, as far as the API server said."""

    def __init__(self, releases: int) -> None:
        """Make it empty; a quota was last changed when there were this many releases."""
        self._changed_at = releases
        self._asked: dict[str, tuple[int, Rank]] = {}
        self._order: list[tuple[int, Rank]] = []
        """The same, sorted: the task that asked the longest time ago is the first."""

    def add(self, uid: str, rank: Rank, releases: int) -> None:
        """Add a task that asked after that many releases; it must not be there yet."""
        self._asked[uid] = (releases, rank)
        insort(self._order, (releases, rank))

    def remove(self, uid: str) -> None:
        """Remove a task, which must be there."""
        del self._order[bisect_left(self._order, self._asked.pop(uid))]

    def release(self, releases: int) -> None:
        """Note that a quota was changed, as this release: every task may ask again."""
        self._changed_at = releases

    def is_released(self, uid: str) -> bool:
        """Return whether a quota was changed since the task asked."""
        return self._asked[uid][0] < self._changed_at

    def next(self) -> str | None:
        """Return the uid of the first task that may ask again, or None."""
        if not self._order or self._order[0][0] >= self._changed_at:
            return None
        _, (_, place) = self._order[0]
        return place.uid
