"""The client for asyncio."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

from mltask import logs
from mltask.errors import AlreadyFinished, NotFinished, Refused, StillOpen, TaskFailed, TaskGone
from mltask.patience import Patience
from mltask.states import states
from mltask.tasks import from_json, has_ended, retry_manifest, to_json
from mltask.transport import Transport
from mltask_operator.api.names import API_VERSION, PLURAL
from mltask_operator.api.status import Phase
from mltask_operator.api.v1alpha1 import MLTask

Json = dict[str, Any]

CONFLICTS = 5
"""How often a task may change between a look at it and its deletion."""


class AsyncClient:
    """MLTasks of one namespace. It is an asynchronous context manager, connected inside it.

    Every method raises Refused where the API server refuses, in the server's own words,
    Unreachable or Unreadable where it gives no answer or a wrong one, NoCredentials where its
    credentials have ended and cannot be renewed, and ClientClosed once it is closed.
    """

    def __init__(
        self,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        namespace: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Choose the cluster and the namespace; by default those that kubectl would take.

        `patience` says how `wait`, `states`, `changes` and `logs` retry failing requests.
        """
        self.api = Transport(kubeconfig, context, patience or Patience())
        self.namespace = namespace or ""

    async def __aenter__(self) -> Self:
        """Load the credentials. Raises NoCredentials."""
        namespace = await self.api.log_in()
        self.namespace = self.namespace or namespace
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. May be called twice; what still waits raises ClientClosed."""
        await self.api.close()

    async def submit(self, task: MLTask) -> MLTask:
        """Create the MLTask, and return it as the API server has it, with its name and uid."""
        return await self._create(to_json(task))

    async def _create(self, manifest: Json) -> MLTask:
        path = self._path(namespace=manifest["metadata"].get("namespace"))
        return from_json(await self.api.ask("POST", path, manifest, fieldValidation="Strict"))

    async def get(self, name: str) -> MLTask:
        """Return the MLTask of this name, as it is now."""
        return from_json(await self.api.ask("GET", self._path(name)))

    async def list(self, label_selector: str = "", *, everywhere: bool = False) -> Sequence[MLTask]:
        """Return the MLTasks of the namespace, or of all, that have these labels."""
        path = self._path(everywhere=everywhere)
        return [
            from_json(item)
            async for page in self.api.pages(path, labelSelector=label_selector)
            for item in page["items"]
        ]

    def states(
        self, label_selector: str = "", *, everywhere: bool = False
    ) -> AsyncGenerator[Mapping[str, MLTask]]:
        """Yield the MLTasks that have these labels, by uid, now and after each change: a watch.

        What is yielded is one mapping, which changes.
        """
        path = self._path(everywhere=everywhere)
        return states(self.api, path, from_json, labelSelector=label_selector)

    async def wait(self, task: MLTask | str, timeout: float | None = None) -> MLTask:  # noqa: ASYNC109 (its error says how the task is)
        """Wait until the MLTask has succeeded, and return it: its result is in `status.result`.

        Raises TaskFailed where it has failed, NotFinished after `timeout` seconds, and TaskGone
        where it was deleted meanwhile. An API server that restarts is waited for.
        """
        if isinstance(task, str):
            task = await self.get(task)
        last = task
        try:
            async with asyncio.timeout(timeout), aclosing(self.changes(task)) as changes:
                async for last in changes:
                    if last.status.phase is Phase.SUCCEEDED:
                        return last
                    if has_ended(last):
                        raise TaskFailed(last)
        except TimeoutError as error:
            raise NotFinished(last, timeout or 0) from error
        raise TaskGone(task.metadata.namespace or "", task.metadata.name or "")

    async def cancel(self, name: str) -> MLTask:
        """Delete an MLTask that is not finished, and with it its Pod; return what it was.

        Raises AlreadyFinished where it has an outcome: that is never lost by this.
        """
        for _ in range(CONFLICTS):
            task = await self.get(name)
            if has_ended(task):
                raise AlreadyFinished(task)
            # Not if it changes in between: it may have been finished.
            state = {"uid": task.metadata.uid, "resourceVersion": task.metadata.resource_version}
            try:
                await self.api.ask("DELETE", self._path(name), {"preconditions": state})
            except Refused as error:
                if error.code != 409:
                    raise
                refusal = error
            else:
                return task
        raise refusal

    async def retry(self, name: str) -> MLTask:
        """Create a new MLTask that does again what a finished one was to do, and return it.

        Raises StillOpen where that one is not finished.
        """
        body = await self.api.ask("GET", self._path(name))
        task = from_json(body)
        if not has_ended(task):
            raise StillOpen(task)
        # The manifest is made of what the server sent: it may have fields that this client lacks.
        return await self._create(retry_manifest(body))

    async def logs(self, task: MLTask | str, *, follow: bool = False) -> AsyncGenerator[str]:
        """Yield the log in pieces: the current Pod's, or else what status has kept of it.

        With `follow`, yield what is written from now on, attempt by attempt, until the task is
        finished. A connection that ends before is continued, without a gap or a repetition.
        """
        if isinstance(task, str):
            task = await self.get(task)
        read = logs.follow_log if follow else logs.read_log
        async with aclosing(read(self.api, task)) as pieces:
            async for piece in pieces:
                if piece:
                    yield piece

    async def changes(self, task: MLTask) -> AsyncGenerator[MLTask]:
        """Yield the task as it is and after each change, until it is deleted."""
        path = self._path(namespace=task.metadata.namespace)
        only = f"metadata.name={task.metadata.name}"
        async with aclosing(states(self.api, path, from_json, fieldSelector=only)) as seen:
            async for known in seen:
                if (now := known.get(task.metadata.uid or "")) is None:
                    return
                yield now

    def _path(
        self, name: str = "", *, namespace: str | None = None, everywhere: bool = False
    ) -> str:
        place = "" if everywhere else f"/namespaces/{namespace or self.namespace}"
        return f"/apis/{API_VERSION}{place}/{PLURAL}" + (f"/{name}" if name else "")
