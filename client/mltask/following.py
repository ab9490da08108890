"""Following a container's log to its end, over as many requests as that takes."""

import codecs
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from mltask.errors import MLTaskError, Refused
from mltask.log_lines import LogLines
from mltask.patience import Retries
from mltask.tasks import from_json, has_ended
from mltask.transport import Transport
from mltask_operator.api.names import API_VERSION, PLURAL, TASK_UID_LABEL
from mltask_operator.api.v1alpha1 import MLTask

Json = dict[str, Any]
Source = tuple[str, str]
"""Name of a Pod, and of a container in it."""

STREAM_SECONDS = 300
"""After which a stream is continued by another one, so that a dead connection is noticed."""
PRINTED = 8 * 1024
"""Characters of what was yielded that are remembered: more than a status keeps of a log."""


class Follower:
    """Follows the logs of one task's containers, one after another."""

    def __init__(self, api: Transport, task: MLTask) -> None:
        self._api = api
        self._task = task
        self._pod = ""
        self._printed = ""
        self._is_whole = False

    async def follow(self, source: Source) -> AsyncGenerator[str]:
        """Yield the log of a container until it has ended, or its Pod is gone.

        A stream that ends before is continued where it ended. Raises what Transport raises, once
        the client's patience is over.
        """
        self._begin(source[0])
        lines = LogLines()
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        retries = Retries(self._api.patience)
        is_last = False
        while True:
            fault: MLTaskError | None = None
            try:
                async with aclosing(self._part(source, lines, follow=not is_last)) as pieces:
                    async for piece in pieces:
                        if not piece:
                            retries.note_open()
                            continue
                        retries.reset()
                        text = decoder.decode(lines.new(piece))
                        self._printed = (self._printed + text)[-PRINTED:]
                        yield text
                self._is_whole = True
                if is_last:
                    return
                # A stream also ends where the container goes on: a proxy or a kubelet ended it.
                if is_last := await self._has_ended(source):
                    continue
            except MLTaskError as error:
                fault = error
            if fault and await self._is_given_up(fault):
                return
            if retries.has_lasted():
                retries.reset()
            await retries.pause(fault)

    def unread(self, task: MLTask) -> str:
        """Return the part of the log that the status has kept and that `follow` has not yielded."""
        kept = task.status.log_tail or ""
        if self._pod != task.status.pod_name:
            return kept
        return "" if self._is_whole else unprinted(self._printed, kept)

    def _begin(self, pod: str) -> None:
        if pod != self._pod:
            self._pod, self._printed = pod, ""
        self._is_whole = False

    async def _part(
        self, source: Source, lines: LogLines, *, follow: bool
    ) -> AsyncGenerator[bytes]:
        """Yield nothing once the stream is open, and then its bytes."""
        pod, container = source
        path = f"{pods_path(self._task)}/{pod}/log"
        lines.begin_part()
        options = {
            "container": container,
            "follow": str(follow).lower(),
            "timestamps": "true",
            "sinceTime": lines.since,
        }
        async with self._api.stream(path, seconds=STREAM_SECONDS, **options) as content:
            yield b""
            async for piece in content.iter_any():
                yield piece

    async def _is_given_up(self, fault: MLTaskError) -> bool:
        """Return whether the log cannot be read further: its Pod is gone, or its node is silent."""
        if isinstance(fault, Refused) and fault.code in (400, 404):
            return True
        self._is_whole = False
        return await self._is_task_over()

    async def _has_ended(self, source: Source) -> bool:
        """Return whether the container has ended. Raises Refused 404 where its Pod is gone."""
        for pod in await pods_of(self._api, self._task):
            if pod["metadata"]["name"] == source[0]:
                state = container_states(pod).get(source[1], {})
                return "terminated" in state or await self._is_task_over()
        raise Refused(404, "NotFound", f"pods {source[0]} not found")

    async def _is_task_over(self) -> bool:
        """Return whether the task has ended or is gone; False if that cannot be learnt."""
        try:
            body = await self._api.ask(
                "GET", f"{tasks_path(self._task)}/{self._task.metadata.name}"
            )
        except MLTaskError as error:
            return isinstance(error, Refused) and error.code == 404
        now = from_json(body)
        return now.metadata.uid != self._task.metadata.uid or has_ended(now)


def unprinted(printed: str, kept: str) -> str:
    """Return the part of `kept`, the end of a log, that comes after what was printed of it."""
    lines = kept.splitlines(keepends=True)
    for count in range(len(lines), 0, -1):
        begin = "".join(lines[:count])
        if printed.rstrip("\n").endswith(begin.rstrip("\n")):
            return "".join(lines[count:])
    return kept


def container_states(pod: Json) -> Mapping[str, Json]:
    """Return the state of each container of a Pod, also of init containers, by name."""
    return {
        status["name"]: status.get("state") or {}
        for part in ("initContainerStatuses", "containerStatuses")
        for status in (pod.get("status") or {}).get(part) or ()
    }


async def pods_of(api: Transport, task: MLTask) -> list[Json]:
    """Return the Pods of the task that exist."""
    return [
        pod
        async for page in api.pages(pods_path(task), labelSelector=own_selector(task))
        for pod in page["items"]
    ]


def own_selector(task: MLTask) -> str:
    """Return the label selector of the task's Pods."""
    return f"{TASK_UID_LABEL}={task.metadata.uid}"


def pods_path(task: MLTask) -> str:
    """Return the path of the Pods in the task's namespace."""
    return f"/api/v1/namespaces/{task.metadata.namespace}/pods"


def tasks_path(task: MLTask) -> str:
    """Return the path of the MLTasks in the task's namespace."""
    return f"/apis/{API_VERSION}/namespaces/{task.metadata.namespace}/{PLURAL}"
