"""What the API server has told so far of the demo's tasks, of Pods and of nodes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from demo.capacity import Resources, allocated_on

TASK_LABEL = "mltask.dev/task"

Object = dict[str, Any]


class View:
    """The newest state of every object, and the few facts of the past that the checks ask for."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.tasks: dict[str, Object] = {}
        self.nodes: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}
        self.pods_made: defaultdict[str, set[str]] = defaultdict(set)
        """Task to the uids of all Pods that it has had."""
        self.have_waited: set[str] = set()
        """Tasks whose Pod the scheduler could not place when it first looked at it."""
        self.peak = Resources()
        """The most that was allocated on all nodes together."""

    def observe(self, event: str, thing: Object) -> None:
        """Take in one watch event: ADDED, MODIFIED or DELETED, and the object."""
        known = {"MLTask": self.tasks, "Node": self.nodes, "Pod": self.pods}[thing["kind"]]
        name = thing["metadata"]["name"]
        key = thing["metadata"]["uid"] if thing["kind"] == "Pod" else name
        if event == "DELETED":
            known.pop(key, None)
        else:
            known[key] = thing
        if thing["kind"] == "Pod":
            self._observe_pod(thing)

    def _observe_pod(self, pod: Object) -> None:
        if task := self.task_of(pod):
            self.pods_made[task].add(pod["metadata"]["uid"])
            if is_unschedulable(pod):
                self.have_waited.add(task)
        allocated = self.allocated()
        self.peak = Resources(
            max(self.peak.cpu, allocated.cpu), max(self.peak.memory, allocated.memory)
        )

    def task_of(self, pod: Object) -> str | None:
        """Return the name of the demo's task that the Pod was made for, if it was."""
        task = pod["metadata"].get("labels", {}).get(TASK_LABEL)
        return task if task in self.names else None

    def pods_of_tasks(self) -> Iterator[Object]:
        return (pod for pod in self.pods.values() if self.task_of(pod))

    def status(self, name: str) -> Object:
        status: Object = self.tasks.get(name, {}).get("status", {})
        return status

    def allocated(self) -> Resources:
        """Return what is allocated on all nodes together."""
        return sum((allocated_on(node, self.pods.values()) for node in self.nodes), Resources())

    def allocatable(self) -> Resources:
        """Return what all nodes together can allocate."""
        return sum(
            (Resources.of(node["status"]["allocatable"]) for node in self.nodes.values()),
            Resources(),
        )

    def is_settled(self) -> bool:
        """Whether every task has its outcome and no Pod of any is left."""
        ended = all(
            self.status(name).get("phase") in ("Succeeded", "Failed") for name in self.names
        )
        return ended and not any(self.pods_of_tasks())


def is_unschedulable(pod: Object) -> bool:
    """Whether the scheduler has found no node with room for the Pod, for now."""
    return any(
        condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable"
        for condition in pod["status"].get("conditions", ())
    )
