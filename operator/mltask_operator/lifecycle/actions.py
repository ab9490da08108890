"""The one thing to do next for a task."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.observed import Owner, Pod, Task


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Allocate: create the Pod of this attempt."""

    task: Task
    attempt: int


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Make this the task's status, if the task is still as it was observed."""

    task: Task
    status: MLTaskStatus


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Ask for the Pod's deletion; the tracking finalizer still holds it."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class HoldPod:
    """Put the tracking finalizer back, which somebody took off: the Pod must not go unseen."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class ReleasePod:
    """Let go of the tracking finalizer: nothing of ours holds the Pod any more."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class DeleteTask:
    """Delete the task, if it is still as it was observed: its time to live has passed."""

    task: Task


@dataclass(frozen=True, slots=True)
class ReadPod:
    """Ask the API server for the Pod, since the watch lacks it; put its labels back."""

    pod: Pod


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Ask the API server for the task, since a Pod names it and no watch has shown it."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing until something is observed or, where `until` says so, until that moment."""

    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """Wait for quota, in the order of the namespace's tasks, and at the longest until `until`."""

    task: Task
    until: datetime


Action: TypeAlias = (
    CreatePod
    | WriteStatus
    | DeletePod
    | HoldPod
    | ReleasePod
    | DeleteTask
    | ReadPod
    | ReadTask
    | Wait
    | Queue
)
