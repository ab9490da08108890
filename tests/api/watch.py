"""All states that a team's objects go through, from a watch of the API server."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tests.api.team import Json, Team
from tests.waiting import wait_until

PODS = "/api/v1/namespaces/{}/pods"
TASKS = "/apis/mltask.dev/v1alpha1/namespaces/{}/mltasks"


class Watch:
    """A watch of one resource, which leaves out nothing that happens within the block.

    The API server ends a watch that falls behind; it goes on then where it ended, if somebody
    reads it within some minutes.
    """

    def __init__(self, team: Team, folder: Path, resource: str = PODS) -> None:
        self._team = team
        self._path = resource.format(team.namespace)
        self._output = folder / f"{team.namespace}-{resource.rpartition('/')[2]}"
        self._seen: list[Json] = []

    def __enter__(self) -> Self:
        team = self._team
        listed = json.loads(team.kubectl("get", "--raw", f"{self._path}?limit=1"))
        self._watch(since=listed["metadata"]["resourceVersion"])
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._lines.close()

    def _watch(self, since: str) -> None:
        cluster = self._team.cluster
        target = f"{self._path}?watch=1&resourceVersion={since}"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [cluster.bin / "kubectl", "get", "--raw", target],
                env={**os.environ, **cluster.environment},
                stdout=output,
            )
        self._lines = self._output.open()
        self._since = since

    def read(self) -> None:
        """Take in what there is by now."""
        self._events()

    def events(self, task: str) -> Iterator[tuple[str, Json]]:
        """Yield type and object of each event so far that is about this MLTask or its Pods."""
        for event in self._events():
            metadata = event["object"]["metadata"]
            labels = metadata.get("labels") or {}
            if labels.get("mltask.dev/task", metadata["name"]) == task:
                yield event["type"], event["object"]

    def removed(self, task: str) -> list[Json]:
        """Return the last state of each object that is gone, in the order in which they went."""
        return [found for kind, found in self.events(task) if kind == "DELETED"]

    def lives(self, task: str) -> list[tuple[str, str]]:
        """Return what was made and what went, in order."""
        return [
            (kind, found["metadata"]["name"])
            for kind, found in self.events(task)
            if kind in ("ADDED", "DELETED")
        ]

    def runs(self, task: str, attempts: int) -> dict[str, list[int]]:
        """Return in which attempts each container was started, once so many Pods have gone."""
        wait_until(lambda: len(self.removed(task)) >= attempts, f"{attempts} Pods of {task} gone")
        starts: dict[str, list[int]] = {}
        for _, pod in self.events(task):
            attempt = int(pod["metadata"]["labels"]["mltask.dev/attempt"])
            for container in _containers(pod):
                seen = starts.setdefault(container["name"], [])
                if "waiting" not in container["state"] and attempt not in seen:
                    seen.append(attempt)
        return starts

    def started(self) -> int:
        """Return how many containers have started."""
        started = {
            (event["object"]["metadata"]["uid"], container["name"])
            for event in self._events()
            for container in _containers(event["object"])
            if "waiting" not in container["state"]
        }
        return len(started)

    def _events(self) -> list[Json]:
        has_ended = self._process.poll() is not None
        while True:
            start = self._lines.tell()
            line = self._lines.readline()
            if not line.endswith("\n"):
                break
            event = json.loads(line)
            assert event["type"] != "ERROR", event
            self._since = event["object"]["metadata"]["resourceVersion"]
            self._seen.append(event)
        self._lines.seek(start)
        if has_ended:
            self._lines.close()
            self._watch(self._since)
        return self._seen


def _containers(pod: Json) -> Iterator[Json]:
    for part in ("initContainerStatuses", "containerStatuses"):
        yield from pod["status"].get(part, ())
