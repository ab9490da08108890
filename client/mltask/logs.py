"""The log of a task: that of its Pods while they exist, afterwards what its status has kept."""

import codecs
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from mltask.errors import Refused
from mltask.following import (
    Follower,
    Source,
    container_states,
    own_selector,
    pods_of,
    pods_path,
    tasks_path,
)
from mltask.states import merged, states
from mltask.tasks import from_json, has_ended
from mltask.transport import Transport
from mltask_operator.api.names import ATTEMPT_LABEL, MAIN_CONTAINER
from mltask_operator.api.v1alpha1 import MLTask

Json = dict[str, Any]


def started(task: MLTask, pods: Iterable[Json]) -> Iterator[Source]:
    """Yield the containers of the task that have started, in the order in which they did."""
    wanted = [step.name for step in task.spec.steps or ()] or [MAIN_CONTAINER]
    for pod in sorted(pods, key=_attempt):
        states = container_states(pod)
        for name in wanted:
            if "running" in states.get(name, ()) or "terminated" in states.get(name, ()):
                yield pod["metadata"]["name"], name


def _attempt(pod: Json) -> int:
    number = (pod["metadata"].get("labels") or {}).get(ATTEMPT_LABEL, "")
    return int(number) if number.isdecimal() and number.isascii() else 0


async def read_log(api: Transport, task: MLTask) -> AsyncGenerator[str]:
    """Yield the log so far of the task's current Pod, or what is kept where there is none."""
    was_read = False
    for source in started(task, await pods_of(api, task)):
        async for piece in _log(api, task, source):
            was_read = True
            yield piece
    if not was_read:
        yield task.status.log_tail or ""


async def follow_log(api: Transport, task: MLTask) -> AsyncGenerator[str]:
    """Yield the log of all attempts from now on, as it is written, until the task is finished.

    If the end of the last Pod's log could not be read, the end that the status keeps follows.
    """
    asked: set[Source] = set()
    follower = Follower(api, task)
    # The operator releases a Pod once its outcome is recorded, and the two watches are independent.
    # So this looks at both after each change of either.
    tasks = states(
        api, tasks_path(task), from_json, fieldSelector=f"metadata.name={task.metadata.name}"
    )
    pods = states(api, pods_path(task), _itself, labelSelector=own_selector(task))
    seen: dict[str, Mapping[str, Any]] = {}
    async with aclosing(merged(tasks=tasks, pods=pods)) as changes:
        async for what, known in changes:
            seen[what] = known
            now: MLTask | None = seen.get("tasks", {"": task}).get(task.metadata.uid or "", task)
            if now is None or (what == "tasks" and task.metadata.uid not in known):
                return
            task = now
            there = [*seen.get("pods", {}).values()]
            if has_ended(task):
                there = await pods_of(api, task)
            for source in started(task, there):
                if source not in asked:
                    asked.add(source)
                    async with aclosing(follower.follow(source)) as pieces:
                        async for piece in pieces:
                            yield piece
            if has_ended(task):
                break
    yield follower.unread(task)


async def _log(api: Transport, task: MLTask, source: Source) -> AsyncGenerator[str]:
    pod, container = source
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    path = f"{pods_path(task)}/{pod}/log"
    try:
        async with api.stream(path, seconds=None, container=container) as content:
            async for piece in content.iter_any():
                if text := decoder.decode(piece):
                    yield text
    except Refused as error:
        # The Pod is gone by now, or its container has no log; or it is about to go, and its node
        # has no answer any more.
        if error.code not in (400, 404) and not has_ended(task):
            raise


def _itself(body: Json) -> Json:
    return body
