"""Tasks that wait for quota, the quotas, and the refusals that they give."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mltask_operator.lifecycle.observed import QuotaExcess, Task
from mltask_operator.lifecycle.quota_demand import Demand, bounded
from mltask_operator.runtime.quota_queue import QuotaQueue
from tests.unit.builders import a_task
from tests.unit.pods import NAMESPACE, NOW, seconds

Json = dict[str, Any]

PODS = QuotaExcess(quota="compute", resources=frozenset({"pods"}), never_fits=False)
GPUS = QuotaExcess(quota="gpus", resources=frozenset({"requests.nvidia.com/gpu"}), never_fits=False)
TOO_LARGE = replace(PODS, never_fits=True)
USUAL = ("pods", "cpu", "memory", "limits.cpu", "limits.memory")
FOR_HIGH = ({"scopeName": "PriorityClass", "operator": "In", "values": ["high"]},)
"""A quota's scope: the Pods of the PriorityClass `high`."""


def a_waiting_task(
    name: str,
    *,
    age: float = 0,
    priority_class: str | None = None,
    resources: tuple[str, ...] = ("cpu",),
    namespace: str = NAMESPACE,
    message: str | None = None,
    **traits: Any,
) -> Task:
    """Return a task of this age; its uid is its name. `traits` are further fields of its demand.

    Its Pod counts for these resources, and for those that nearly each Pod counts for.
    """
    task = a_task().with_status(reason="QuotaExceeded", message=message).task
    return replace(
        task,
        namespace=namespace,
        name=name,
        uid=name,
        created_at=NOW - seconds(age),
        requests=dict.fromkeys(resources, "1"),
        demand=Demand(bounded({*resources, *USUAL}), priority_class, **traits),
    )


def a_quota(
    name: str = "compute",
    *,
    used: int,
    hard: int = 20,
    resource: str = "pods",
    namespace: str = NAMESPACE,
    selectors: Sequence[Json] = (),
) -> Json:
    """Return a ResourceQuota of one resource, as a watch shows it."""
    bounds = {resource: str(hard)}
    scope = {"scopeSelector": {"matchExpressions": list(selectors)}}
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"hard": bounds, **(scope if selectors else {})},
        "status": {"hard": bounds, "used": {resource: str(used)}},
    }


class Room:
    """The queue of a namespace whose quota is full, and what it has woken."""

    def __init__(self, priorities: Mapping[str | None, int] | None = None) -> None:
        self.priorities = dict(priorities or {})
        self.woken: list[str] = []
        self.queue = QuotaQueue(self.woken.append, lambda name: self.priorities.get(name, 0))
        for quota in (a_quota(used=20), a_quota("gpus", used=8, resource=GPU)):
            self.queue.note_quota(None, quota)

    def wakes(self) -> list[str]:
        """Return who was woken since the last time this was asked."""
        woken, self.woken[:] = list(self.woken), []
        return woken

    def release(self, name: str = "compute", namespace: str = NAMESPACE) -> None:
        """Have a Pod go: the quota is used one less, and then the watch shows it used again."""
        resource = GPU if name == "gpus" else "pods"
        self.queue.note_quota(
            "MODIFIED", a_quota(name, used=7, resource=resource, namespace=namespace)
        )
        full = a_quota(name, used=8, resource=resource, namespace=namespace)
        self.queue.note_quota("MODIFIED", full)

    def refuse(self, *tasks: Task, excess: QuotaExcess | None = PODS) -> None:
        """Have these tasks ask for their Pods now, and the quota refuse them."""
        for task in tasks:
            self.queue.refuse(task, excess, self.queue.releases(task.namespace))

    def park(self, *tasks: Task) -> None:
        """Have these tasks wait for their turn."""
        for task in tasks:
            self.queue.park(task)

    def may_ask(self, *tasks: Task) -> list[str]:
        """Return the names of those of the tasks that come before all others."""
        return [task.name for task in tasks if self.queue.behind(task) is None]

    def is_released(self, task: Task) -> bool:
        """Whether the task, which was refused, may now get another answer."""
        return self.queue.is_released(task.uid, task.namespace)


GPU = "requests.nvidia.com/gpu"
