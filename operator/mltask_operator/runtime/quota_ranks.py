"""Quota ranks: the order of the tasks that wait for quota."""

from datetime import datetime
from typing import NamedTuple

from mltask_operator.lifecycle.observed import Task


class Place(NamedTuple):
    """Orders the tasks of equal priority: the oldest first."""

    created_at: datetime
    name: str
    uid: str


Rank = tuple[int, Place]
"""Orders all waiting tasks of a namespace: the negative priority, then the place. It is unique."""


def place_of(task: Task) -> Place:
    """Return the task's place among those of equal priority."""
    return Place(task.created_at, task.name, task.uid)
