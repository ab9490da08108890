"""Priorities of the lines that wait for quota.

The queue keeps its lines sorted, so a priority must not change while it sorts by it.
"""

from collections import Counter
from collections.abc import Callable


class LinePriorities:
    """The values of the PriorityClasses of all lines, which change in `refresh` only."""

    def __init__(self, priority_of: Callable[[str | None], int]) -> None:
        """Read values with `priority_of`, which takes the name of a PriorityClass or None."""
        self._priority_of = priority_of
        self._values: dict[str | None, int] = {}
        self._lines: Counter[str | None] = Counter()

    def value(self, name: str | None) -> int:
        """Return the value of the PriorityClass by which its lines are sorted."""
        found = self._values.get(name)
        return self._priority_of(name) if found is None else found

    def note_line(self, name: str | None) -> None:
        """Note that there is one more line of the PriorityClass."""
        self._values.setdefault(name, self._priority_of(name))
        self._lines[name] += 1

    def note_line_gone(self, name: str | None) -> None:
        """Note that there is one line less of the PriorityClass; forget it with the last one."""
        self._lines[name] -= 1
        if not self._lines[name]:
            del self._lines[name], self._values[name]

    def refresh(self) -> dict[str | None, int]:
        """Read the value of each PriorityClass again. Return those that have changed."""
        now = {name: self._priority_of(name) for name in self._values}
        changed = {name: value for name, value in now.items() if value != self._values[name]}
        self._values = now
        return changed
