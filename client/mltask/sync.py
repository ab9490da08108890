"""The client for programs without asyncio."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from typing import Any, Self, TypeVar

from mltask.aio import AsyncClient
from mltask.errors import ClientClosed
from mltask_operator.api.v1alpha1 import MLTask

T = TypeVar("T")


class Client:
    """MLTasks of one namespace. Close it, or use it as a context manager.

    Every method is that of AsyncClient, which runs on a thread of its own: so it also works in a
    notebook, whose own event loop runs already. Errors are the same.
    """

    def __init__(
        self,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        namespace: str | None = None,
    ) -> None:
        """Connect; by default to the cluster and namespace that kubectl would take.

        Raises NoCredentials.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mltask-client", daemon=True
        )
        self._thread.start()
        self._closing = threading.Lock()
        self._is_closed = False
        self._client = AsyncClient(kubeconfig=kubeconfig, context=context, namespace=namespace)
        try:
            self._run(self._client.__aenter__())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. May be called twice.

        Calls that still wait, in other threads, raise ClientClosed.
        """
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        """End all that runs on the client's thread."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()
        await self._client.close()
        await self._loop.shutdown_default_executor()

    @property
    def namespace(self) -> str:
        """The namespace that it works in."""
        return self._client.namespace

    def submit(self, task: MLTask) -> MLTask:
        """Create the MLTask, and return it as the API server has it, with its name and uid."""
        return self._run(self._client.submit(task))

    def get(self, name: str) -> MLTask:
        """Return the MLTask of this name, as it is now."""
        return self._run(self._client.get(name))

    def list(self, label_selector: str = "", *, everywhere: bool = False) -> Sequence[MLTask]:
        """Return the MLTasks of the namespace, or of all, that have these labels."""
        return self._run(self._client.list(label_selector, everywhere=everywhere))

    def wait(self, task: MLTask | str, timeout: float | None = None) -> MLTask:
        """Wait until the MLTask has succeeded, and return it: its result is in `status.result`.

        Raises TaskFailed where it has failed, NotFinished after `timeout` seconds, and TaskGone
        where it was deleted meanwhile.
        """
        return self._run(self._client.wait(task, timeout))

    def cancel(self, name: str) -> MLTask:
        """Delete an MLTask that is not finished, and with it its Pod; return what it was.

        Raises AlreadyFinished where it has an outcome: that is never lost by this.
        """
        return self._run(self._client.cancel(name))

    def retry(self, name: str) -> MLTask:
        """Create a new MLTask that does again what a finished one was to do, and return it.

        Raises StillOpen where that one is not finished.
        """
        return self._run(self._client.retry(name))

    def logs(self, task: MLTask | str, *, follow: bool = False) -> Generator[str]:
        """Yield the log in pieces: the current Pod's, or else what status has kept of it.

        With `follow`, yield what is written from now on until the task is finished.
        """
        pieces = self._client.logs(task, follow=follow)
        try:
            while (piece := self._run(_next(pieces))) is not None:
                yield piece
        except GeneratorExit:
            # The caller reads no further. After Ctrl-C, an error or `close` the request has ended.
            with contextlib.suppress(ClientClosed):
                self._run(pieces.aclose())
            raise

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it on the client's thread and return what it returns; Ctrl-C ends it."""
        with self._closing:
            if self._is_closed:
                coroutine.close()
                raise ClientClosed
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            raise ClientClosed from error
        finally:
            future.cancel()


async def _next(pieces: AsyncIterator[str]) -> str | None:
    """Return the next piece, or None after the last one."""
    return await anext(pieces, None)
