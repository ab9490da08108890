"""The API server's own account of what happens: watches, taken in by one reader."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from kubernetes.client import ApiClient, CoreV1Api, CustomObjectsApi
from kubernetes.watch import Watch

from localcluster.errors import ClusterError

Event = tuple[str, dict[str, Any]]
"""ADDED, MODIFIED or DELETED, and the object."""


class Events:
    """The events of MLTasks in one namespace, and of all Pods and nodes."""

    def __init__(self) -> None:
        self._arrived: queue.SimpleQueue[Event | Exception] = queue.SimpleQueue()

    def within(self, seconds: float) -> Iterator[Event]:
        """Yield what arrives within so many seconds; raises ClusterError when a watch has ended."""
        end = time.monotonic() + seconds
        with suppress(queue.Empty):
            while (left := end - time.monotonic()) > 0:
                yield self._unpack(self._arrived.get(timeout=left))

    @staticmethod
    def _unpack(arrived: Event | Exception) -> Event:
        if isinstance(arrived, Exception):
            raise ClusterError(f"A watch on the API server ended: {arrived}") from arrived
        return arrived

    def read(self, watch: Watch, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        try:
            for event in watch.stream(function, **arguments, deserialize=False):
                self._arrived.put((event["type"], event["object"]))
        except Exception as error:  # whatever it is, the reader of the events has to know
            self._arrived.put(error)


@contextmanager
def watching(client: ApiClient, namespace: str) -> Iterator[Events]:
    """Watch while the context lasts; what exists already comes first, as ADDED."""
    core = CoreV1Api(client)
    mltasks = {"group": "mltask.dev", "version": "v1alpha1", "plural": "mltasks"}
    sources: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (
            CustomObjectsApi(client).list_namespaced_custom_object,
            mltasks | {"namespace": namespace},
        ),
        (core.list_pod_for_all_namespaces, {}),
        (core.list_node, {}),
    ]
    events = Events()
    with ExitStack() as stack:
        for function, arguments in sources:
            watch = Watch()
            stack.callback(watch.stop)
            threading.Thread(
                target=events.read, args=(watch, function, arguments), daemon=True
            ).start()
        yield events
