"""How much is allocated, and of how much: nodes and quotas, from what the API server shows. Pure.

What a Pod takes is what the scheduler counts for it:
https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

Json = Mapping[str, Any]
Amounts = Mapping[str, Decimal]
"""Resources in their base unit: cores, bytes, pieces."""

GIB = 1024**3
ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Share:
    """How much of something is taken."""

    resource: str
    used: Decimal
    total: Decimal

    def __str__(self) -> str:
        unit = " GiB" if _is_in_bytes(self.resource) else ""
        used, total = (_number(self.resource, amount) for amount in (self.used, self.total))
        return f"{self.resource} {used} of {total}{unit}"


def amounts(quantities: Mapping[str, str | int] | None) -> dict[str, Decimal]:
    """Read a Kubernetes resource list, such as requests or allocatable."""
    return {name: parse_quantity(quantity) for name, quantity in (quantities or {}).items()}


def requested(pod: Json) -> Amounts:
    """Return what the scheduler counts for a Pod."""
    spec = pod["spec"]
    side_by_side: Counter[str] = Counter()
    peak: dict[str, Decimal] = {}
    for container in spec.get("initContainers") or ():
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            side_by_side.update(own)
            continue
        # It runs beside the sidecars that were started before it.
        for resource, amount in own.items():
            peak[resource] = max(peak.get(resource, Decimal(0)), side_by_side[resource] + amount)
    for container in spec.get("containers") or ():
        side_by_side.update(_requests(container))
    total = {
        resource: max(Decimal(side_by_side[resource]), peak.get(resource, Decimal(0)))
        for resource in {*side_by_side, *peak}
    }
    total |= amounts((spec.get("resources") or {}).get("requests"))
    for resource, amount in amounts(spec.get("overhead")).items():
        total[resource] = total.get(resource, Decimal(0)) + amount
    return total


def node_shares(nodes: Iterable[Json], pods: Iterable[Json]) -> list[Share]:
    """Return how much of all nodes together is allocated: CPU, memory, and what they have extra."""
    total: Counter[str] = Counter()
    for node in nodes:
        total.update(amounts((node.get("status") or {}).get("allocatable")))
    used: Counter[str] = Counter()
    for pod in pods:
        if pod["spec"].get("nodeName") and (pod.get("status") or {}).get("phase") not in ENDED:
            used.update(requested(pod))
    shown = ["cpu", "memory", *sorted(name for name in total if "/" in name)]
    return [Share(name, Decimal(used[name]), Decimal(total[name])) for name in shown if total[name]]


def quota_shares(quota: Json) -> list[Share]:
    """Return how much of a ResourceQuota is used."""
    status = quota.get("status") or {}
    used = amounts(status.get("used"))
    hard = amounts(status.get("hard"))
    return [Share(name, used.get(name, Decimal(0)), total) for name, total in sorted(hard.items())]


def _requests(container: Json) -> Amounts:
    return amounts((container.get("resources") or {}).get("requests"))


def _is_in_bytes(resource: str) -> bool:
    return resource.rpartition(".")[2] in ("memory", "storage", "ephemeral-storage")


def _number(resource: str, amount: Decimal) -> str:
    exact = amount / GIB if _is_in_bytes(resource) else amount
    return f"{exact:.1f}".removesuffix(".0")
