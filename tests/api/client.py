"""HTTP client of the administrator: a request costs a fiftieth of the CPU time of a kubectl."""

import http.client
import json
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

import yaml

from localcluster import Cluster, ClusterError

Json = dict[str, Any]
_never = threading.Event()

CONTENT_TYPES = {
    "PATCH": "application/merge-patch+json",
    "APPLY": "application/apply-patch+yaml",
}
"""APPLY stands for a PATCH that does what `kubectl apply --server-side` does."""


class Client:
    """JSON in, JSON out. It belongs to one thread: a connection carries one request at a time."""

    _of_this_thread = threading.local()

    def __init__(self, cluster: Cluster) -> None:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        authority = config["clusters"][0]["cluster"]["certificate-authority"]
        self._address = urlsplit(cluster.url).netloc
        self._tls = ssl.create_default_context(cafile=authority)
        self._connection = self._connect()
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """Return this thread's client of the cluster, which stays connected."""
        clients: WeakKeyDictionary[Cluster, Self] | None
        clients = getattr(cls._of_this_thread, "clients", None)
        if clients is None:
            clients = cls._of_this_thread.clients = WeakKeyDictionary()
        if cluster not in clients:
            clients[cluster] = cls(cluster)
        return clients[cluster]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def create_task(self, namespace: str, body: Json, *, dry_run: bool = False) -> tuple[int, Json]:
        """Create an MLTask; return the answer's code and what it holds: the task, or a Status.

        The API server checks it as it does for `kubectl apply`, which asks it to be strict. A dry
        run only checks it.
        """
        options = "?fieldValidation=Strict" + ("&dryRun=All" if dry_run else "")
        return self.request("POST", f"{tasks_path(namespace)}{options}", body)

    def get_task(self, namespace: str, name: str) -> Json:
        """Return an MLTask."""
        code, task = self.request("GET", f"{tasks_path(namespace)}/{name}")
        assert code == 200, task
        return task

    def edit_task(self, namespace: str, name: str, change: Json) -> tuple[int, Json]:
        """Change an MLTask by a merge patch; return what `create_task` does."""
        return self.request("PATCH", f"{tasks_path(namespace)}/{name}", change)

    def objects(self, path: str, **selectors: str) -> list[Json]:
        """Return the objects below a path, as in `/api/v1/namespaces/team-a/pods`."""
        return _items(self._answer("GET", _with(path, selectors)))

    def apply(self, path: str, body: Json) -> None:
        """Create or change an object; raises ClusterError with the API server's message."""
        self._answer("APPLY", _with(path, {"fieldManager": "kubectl", "force": "true"}), body)

    def send(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send a request and return the object of the answer.

        Raises ClusterError with the API server's message where it refuses.
        """
        return self._answer(method, path, body)

    def until(
        self,
        path: str,
        holds: Callable[[list[Json]], bool],
        what: str,
        seconds: float,
        **selectors: str,
    ) -> list[Json]:
        """Watch the objects below a path until the condition holds, and return them.

        Raises AssertionError, naming `what`, after so many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            listed = self._answer("GET", _with(path, selectors))
            found = {_key(each): each for each in _items(listed)}
            if holds(list(found.values())):
                return list(found.values())
            for event in self._events(path, listed, deadline, selectors):
                if event["type"] == "DELETED":
                    found.pop(_key(event["object"]), None)
                else:
                    found[_key(event["object"])] = event["object"]
                if holds(list(found.values())):
                    return list(found.values())
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"

    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Json]:
        """Send a request; return the code and the object of the answer."""
        kind = CONTENT_TYPES.get(method, "application/json")
        verb = "PATCH" if method == "APPLY" else method
        all_headers = {**self._headers, "Content-Type": kind, **headers}
        sent = json.dumps(body) if body else None
        is_new = self._connection.sock is None
        try:
            self._connection.request(verb, path, sent, all_headers)
            response = self._connection.getresponse()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            if is_new:
                raise
            # The API server closes connections that have been idle for long, and when it restarts.
            return self.request(method, path, body, headers)
        answer = json.loads(response.read())
        if method == "GET" and response.status == 429:
            # The API server asks for patience, as after a change of a CRD. kubectl retries too.
            _never.wait(float(response.headers.get("Retry-After", "1")))
            return self.request(method, path, body, headers)
        return response.status, answer

    def _answer(self, method: str, path: str, body: Json | None = None) -> Json:
        code, answer = self.request(method, path, body)
        if code >= 300:
            raise ClusterError(f"{method} {path}: {code}: {answer.get('message')}")
        return answer

    def _events(
        self, path: str, listed: Json, deadline: float, selectors: dict[str, str]
    ) -> Iterator[Json]:
        """Yield what happens after a listing, until the API server ends the watch."""
        seconds = max(1, math.ceil(deadline - time.monotonic()))
        since = listed["metadata"]["resourceVersion"]
        options = {"watch": "1", "resourceVersion": since, "timeoutSeconds": str(seconds)}
        watch = self._connect(timeout=seconds + 5)
        try:
            watch.request("GET", _with(path, {**selectors, **options}), headers=self._headers)
            response = watch.getresponse()
            # The answer is not JSON where the API server has no such watch, and not 200.
            for line in response if response.status == 200 else ():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event
        finally:
            watch.close()

    def _connect(self, timeout: float | None = None) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self._address, context=self._tls, timeout=timeout)


def tasks_path(namespace: str) -> str:
    """Return the path of the MLTasks of a namespace."""
    return f"/apis/mltask.dev/v1alpha1/namespaces/{namespace}/mltasks"


def _with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _key(body: Json) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _items(listed: Json) -> list[Json]:
    """Return the objects of a list with their kind, which the API server leaves out there."""
    kind = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List")}
    return [{**kind, **each} for each in listed["items"]]
