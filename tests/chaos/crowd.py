"""Many tasks of all kinds at once, and what their users, their kubelets and drains do meanwhile."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.api.client import tasks_path
from tests.api.pipelines import QUICK, steps
from tests.api.team import Json, manifest
from tests.chaos.scenarios import AT_ONCE, ENDS, FAILS, SUCCEEDED, Outcome, gone, outcome
from tests.chaos.stage import Stage

Deed = Callable[[Stage, str, str], None]
"""What is done when a Pod runs, given its task's name and its own."""


def _delete(stage: Stage, task: str, pod: str) -> None:
    stage.delete(task)


def _suspend(stage: Stage, task: str, pod: str) -> None:
    stage.suspend(task)


def _evict(stage: Stage, task: str, pod: str) -> None:
    stage.evict(pod)


def _fail(stage: Stage, task: str, pod: str) -> None:
    stage.end(pod, exit_code=3)


def end(stage: Stage, task: str, pod: str) -> None:
    """Have the Pod end with success."""
    stage.end(pod)


@dataclass(frozen=True)
class Kind:
    """Tasks of one kind: what `manifest` is given, how they end, what is done by attempt."""

    name: str
    spec: Json
    end: Outcome
    deeds: Mapping[int, Deed] = field(default_factory=dict)


KINDS = (
    Kind("ends", {"fate": ENDS}, SUCCEEDED),
    Kind("runs", {"fate": {"run_seconds": 2}}, SUCCEEDED),
    Kind(
        "fails",
        {"fate": FAILS, "backoffLimit": 1, "backoff": AT_ONCE},
        Outcome("Failed", "ContainerFailed", 2, failures=2),
    ),
    Kind(
        "recovers",
        {"backoffLimit": 1, "backoff": AT_ONCE},
        Outcome("Succeeded", "Completed", 2, failures=1),
        {1: _fail, 2: end},
    ),
    Kind(
        "steps",
        {
            "fate": {**QUICK, "exit_code.b": 3},
            "steps": steps("a", "b", "c"),
            "stepFailurePolicy": "Continue",
        },
        Outcome("Failed", "StepFailed", 2, 1, steps=("Succeeded", "Failed", "Succeeded")),
    ),
    Kind("evicted", {}, Outcome("Succeeded", "Completed", 2, disruptions=1), {1: _evict, 2: end}),
    Kind("suspended", {}, Outcome("Succeeded", "Completed", 2), {1: _suspend, 2: end}),
    Kind("deleted", {}, gone(attempts=1), {1: _delete}),
    Kind("expires", {"fate": ENDS, "ttlSecondsAfterFinished": 1}, gone(attempts=1)),
)


class Crowd:
    """The tasks of one namespace; `ends` is how each is to end. Somebody has to `tend` them."""

    def __init__(self, stage: Stage) -> None:
        self.ends: dict[str, Outcome] = {}
        self._stage = stage
        self._kinds: dict[str, Kind] = {}
        self._done: set[str] = set()

    def add(self, kind: Kind) -> str:
        """Create one more task of this kind, and return its name."""
        name = f"{kind.name}{len(self.ends)}"
        self._kinds[name] = kind
        self.ends[name] = kind.end
        self._stage.create(manifest(name, **kind.spec))
        return name

    def tend(self) -> bool:
        """Do what is due by now; return whether all have ended as they are to, without a Pod."""
        tasks = {task["metadata"]["name"]: task for task in self.tasks()}
        pods = defaultdict(list)
        for pod in self._stage.pods():
            pods[pod["metadata"]["labels"]["mltask.dev/task"]].append(pod)
        for name, kind in self._kinds.items():
            for pod in pods[name]:
                self._see_to(name, kind, pod)
            if name in tasks and _is_put_away(tasks[name]) and not pods[name]:
                self._stage.suspend(name, value=False)
        return not self._left(tasks, pods)

    def tasks(self) -> list[Json]:
        """Return the MLTasks that there are."""
        return self._stage.client.objects(tasks_path(self._stage.team.namespace))

    def left(self) -> list[str]:
        """Say which tasks have not ended, or have a Pod, and how they are."""
        tasks = {task["metadata"]["name"]: task for task in self.tasks()}
        pods = {pod["metadata"]["labels"]["mltask.dev/task"]: [pod] for pod in self._stage.pods()}
        return [
            f"{name}: {tasks.get(name, {}).get('status')}, Pod {_brief(pods.get(name))}"
            for name in self._left(tasks, pods)
        ]

    def _left(self, tasks: Mapping[str, Json], pods: Mapping[str, list[Json]]) -> list[str]:
        return [
            name
            for name, expected in self.ends.items()
            if pods.get(name)
            or ((name in tasks) if expected.phase is None else outcome(tasks.get(name), 0) is None)
        ]

    def _see_to(self, name: str, kind: Kind, pod: Json) -> None:
        metadata = pod["metadata"]
        is_running = pod["status"]["phase"] == "Running" and "deletionTimestamp" not in metadata
        deed = kind.deeds.get(int(metadata["labels"]["mltask.dev/attempt"]))
        if is_running and deed and metadata["name"] not in self._done:
            self._done.add(metadata["name"])
            deed(self._stage, name, metadata["name"])


def _is_put_away(task: Json) -> bool:
    status = task.get("status", {})
    ended = [attempt["reason"] for attempt in status.get("history", ())]
    return (
        bool(task["spec"].get("suspend"))
        and status.get("phase") == "Suspended"
        and ended == ["Suspended"]
    )


def _brief(pods: list[Json] | None) -> str:
    return ", ".join(
        f"{pod['metadata']['name']} {pod['status']['phase']} "
        f"{pod['metadata'].get('deletionTimestamp', '')}"
        for pod in pods or ()
    )
