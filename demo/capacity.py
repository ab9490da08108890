"""How much of a node is allocated: what the requests of the Pods on it sum up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

GIB = 1024**3


@dataclass(frozen=True)
class Resources:
    """An amount of CPU, in cores, and of memory, in bytes."""

    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)

    @classmethod
    def of(cls, quantities: dict[str, str]) -> "Resources":
        """Read them from a Kubernetes resource list, such as requests or allocatable."""
        return cls(
            parse_quantity(quantities.get("cpu", 0)), parse_quantity(quantities.get("memory", 0))
        )

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu + other.cpu, self.memory + other.memory)

    def exceeds(self, other: "Resources") -> bool:
        """Whether it is more than the other of CPU, or of memory."""
        return self.cpu > other.cpu or self.memory > other.memory

    def __sub__(self, other: "Resources") -> "Resources":
        return Resources(self.cpu - other.cpu, self.memory - other.memory)

    def __str__(self) -> str:
        return f"{self.cpu:.1f} CPU, {self.memory / GIB:.1f} GiB"


def requests_of(pod: dict[str, Any]) -> Resources:
    """Return what the scheduler counts for a Pod whose init containers ask for no more."""
    total = Resources.of(pod["spec"].get("overhead", {}))
    for container in pod["spec"]["containers"]:
        total += Resources.of(container.get("resources", {}).get("requests", {}))
    return total


def allocated_on(node: str, pods: Iterable[dict[str, Any]]) -> Resources:
    """Return the sum of the requests of the Pods that are bound to the node and have not ended."""
    bound = (
        pod
        for pod in pods
        if pod["spec"].get("nodeName") == node
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
    )
    return sum((requests_of(pod) for pod in bound), Resources())
