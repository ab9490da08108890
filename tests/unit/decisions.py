"""What is decided, in words that a table can hold."""

from datetime import datetime, timedelta

from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.actions import (
    Action,
    CreatePod,
    DeletePod,
    DeleteTask,
    HoldPod,
    Queue,
    ReadPod,
    ReadTask,
    ReleasePod,
    Wait,
    WriteStatus,
)
from mltask_operator.lifecycle.decide import decide
from tests.unit.builders import TaskBuilder
from tests.unit.pods import NOW


def decided(seen: TaskBuilder, *, seconds_later: float = 0) -> str:
    """Return what follows, for example `create attempt 2`, `wait 5 s`, `write Failed, PodFailed`.

    A wait without a time ends only with what is observed next.
    """
    now = NOW + timedelta(seconds=seconds_later)
    return _in_words(decide(seen.build(), now), now)


def written(seen: TaskBuilder) -> MLTaskStatus:
    """Return the status that is to be written, which must be what is to be done."""
    action = decide(seen.build(), NOW)
    assert isinstance(action, WriteStatus), action
    return action.status


def _in_words(action: Action, now: datetime) -> str:
    match action:
        case CreatePod(_, attempt):
            return f"create attempt {attempt}"
        case WriteStatus(_, status):
            return ", ".join(filter(None, (f"write {status.phase}", status.reason)))
        case DeletePod() | HoldPod() | ReadPod() | ReleasePod():
            return f"{type(action).__name__.removesuffix('Pod').lower()} Pod"
        case DeleteTask():
            return "delete task"
        case ReadTask():
            return "read task"
        case Queue(_, until):
            return f"queue {_span(until - now)}"
        case Wait(_, None):
            return "wait"
        case Wait(_, datetime() as until):
            return f"wait {_span(until - now)}"
    raise AssertionError(f"no words for {action}")


def _span(span: timedelta) -> str:
    return f"{span.total_seconds():g} s"
