"""The log of a task: its Pods' while they are there, what status has kept of it afterwards."""

import codecs
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from mltask.errors import Refused
from mltask.states import merged, states
from mltask.tasks import from_json
from mltask.transport import Transport
from mltask_operator.api.names import (
    API_VERSION,
    ATTEMPT_LABEL,
    MAIN_CONTAINER,
    PLURAL,
    TASK_UID_LABEL,
)
from mltask_operator.api.v1alpha1 import MLTask

Json = dict[str, Any]
Source = tuple[str, str]
"""Name of a Pod, and of a container in it."""


def kept_log(task: MLTask) -> str:
    """Return what the status has of the log: of a failed task its end, else nothing."""
    return task.status.log_tail or ""


def started(task: MLTask, pods: Iterable[Json]) -> Iterator[Source]:
    """Yield the containers of the task that have started, in the order in which they did."""
    wanted = [step.name for step in task.spec.steps or ()] or [MAIN_CONTAINER]
    for pod in sorted(pods, key=_attempt):
        statuses = {
            status["name"]: status.get("state") or {}
            for part in ("initContainerStatuses", "containerStatuses")
            for status in (pod.get("status") or {}).get(part) or ()
        }
        for name in wanted:
            if "running" in statuses.get(name, ()) or "terminated" in statuses.get(name, ()):
                yield pod["metadata"]["name"], name


def _attempt(pod: Json) -> int:
    return int((pod["metadata"].get("labels") or {}).get(ATTEMPT_LABEL, 0))


async def read_log(api: Transport, task: MLTask) -> AsyncGenerator[str]:
    """Yield the log so far of the task's present Pod, or what is kept where there is none."""
    was_read = False
    for source in started(task, await _pods(api, task)):
        async for piece in _log(api, task, source, follow=False):
            was_read = True
            yield piece
    if not was_read:
        yield kept_log(task)


async def follow_log(api: Transport, task: MLTask) -> AsyncGenerator[str]:
    """Yield the log of all attempts from now on, as it is written, until the task is finished.

    Where the last Pod was gone before it could be read, what the status keeps comes in the end.
    """
    asked: set[Source] = set()
    read: set[str | None] = set()
    # A Pod is let go of once its outcome is recorded, and the two watches do not wait for each
    # other: so both are looked at after each change of either.
    tasks = states(
        api, _tasks_path(task), from_json, fieldSelector=f"metadata.name={task.metadata.name}"
    )
    pods = states(api, _pods_path(task), _itself, labelSelector=_own(task))
    seen: dict[str, Mapping[str, Any]] = {}
    async with aclosing(merged(tasks=tasks, pods=pods)) as changes:
        async for what, known in changes:
            seen[what] = known
            now: MLTask | None = seen.get("tasks", {"": task}).get(task.metadata.uid or "", task)
            if now is None or (what == "tasks" and task.metadata.uid not in known):
                return
            task = now
            there = [*seen.get("pods", {}).values()]
            if task.status.is_finished:
                there = await _pods(api, task)
            for source in started(task, there):
                if source not in asked:
                    asked.add(source)
                    async for piece in _log(api, task, source, follow=True):
                        read.add(source[0])
                        yield piece
            if task.status.is_finished:
                break
    if task.status.pod_name not in read:
        yield kept_log(task)


async def _pods(api: Transport, task: MLTask) -> list[Json]:
    listed = await api.ask("GET", _pods_path(task), labelSelector=_own(task))
    found: list[Json] = listed["items"]
    return found


async def _log(
    api: Transport, task: MLTask, source: Source, *, follow: bool
) -> AsyncGenerator[str]:
    pod, container = source
    path = f"{_pods_path(task)}/{pod}/log"
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    options = {"container": container, "follow": str(follow).lower()}
    try:
        async with api.stream(path, seconds=None, **options) as content:
            async for piece in content.iter_any():
                if text := decoder.decode(piece):
                    yield text
    except Refused as error:
        # The Pod is gone by now, or its container has no log; or it is about to go, and its node
        # has no answer any more.
        if error.code not in (400, 404) and not task.status.is_finished:
            raise


def _own(task: MLTask) -> str:
    return f"{TASK_UID_LABEL}={task.metadata.uid}"


def _pods_path(task: MLTask) -> str:
    return f"/api/v1/namespaces/{task.metadata.namespace}/pods"


def _tasks_path(task: MLTask) -> str:
    return f"/apis/{API_VERSION}/namespaces/{task.metadata.namespace}/{PLURAL}"


def _itself(body: Json) -> Json:
    return body
