"""etcd itself: what it holds of Pods, whatever becomes of the API server, and its compaction."""

import base64
import json
import threading
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import Self
from urllib.request import Request

from localcluster import Cluster
from localcluster.loopback import urlopen
from tests.api.client import Json

PODS = "/registry/pods/"
QUIET_SECONDS = 2


class Etcd:
    """The etcd of a cluster, asked in JSON."""

    def __init__(self, cluster: Cluster) -> None:
        self._url = cluster.etcd_url

    def revision(self) -> int:
        """Return the number of its latest change, which is also the newest resourceVersion."""
        with self._ask("kv/range", {"key": _key("/registry"), "limit": 1}) as answer:
            return int(json.load(answer)["header"]["revision"])

    def compact(self, revision: int) -> None:
        """Have it forget all that was before this change."""
        self._ask("kv/compaction", {"revision": revision, "physical": True}).close()

    def watch(self, prefix: str, since: int) -> HTTPResponse:
        """Return a stream of lines: the changes below this prefix, from a revision on."""
        below = {"key": _key(prefix), "range_end": _key(f"{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}")}
        return self._ask("watch", {"create_request": {**below, "start_revision": since}})

    def _ask(self, what: str, body: Json) -> HTTPResponse:
        request = Request(f"{self._url}/v3/{what}", json.dumps(body).encode())
        answer: HTTPResponse = urlopen(request, timeout=QUIET_SECONDS)
        return answer


class PodHistory:
    """Which Pods came and went within the block, by etcd's own account.

    A watch of the API server would end with it, and one that begins anew does not tell what went
    meanwhile; and the audit log has no line of what a killed API server did last.
    """

    def __init__(self, etcd: Etcd) -> None:
        self._etcd = etcd
        self.revision = etcd.revision()
        """The latest change that the account has."""
        self._seen: list[tuple[str, str, str]] = []
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._follow)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        self._thread.join()

    def lives(self, namespace: str) -> list[tuple[str, str]]:
        """Return what was made (ADDED) and what went (DELETED) in a namespace, in order."""
        return [(kind, name) for kind, where, name in list(self._seen) if where == namespace]

    def _follow(self) -> None:
        while not self._is_closing.is_set():
            # It is silent for a while, or it is etcd's turn to be away: ask again.
            with (
                suppress(OSError, HTTPException),
                self._etcd.watch(PODS, self.revision + 1) as lines,
            ):
                for line in lines:
                    # The last word of one that ends is an error.
                    self._note(json.loads(line).get("result", {}))
            self._is_closing.wait(0.2)

    def _note(self, result: Json) -> None:
        for event in result.get("events", ()):
            pod = event["kv"]
            namespace, name = base64.b64decode(pod["key"]).decode().removeprefix(PODS).split("/")
            if event.get("type") == "DELETE":
                self._seen.append(("DELETED", namespace, name))
            elif pod["create_revision"] == pod["mod_revision"]:
                self._seen.append(("ADDED", namespace, name))
            self.revision = int(pod["mod_revision"])


def _key(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
