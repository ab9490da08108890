"""Resource-seconds: what attempts held on nodes, by namespace and resource.

Users choose namespaces and the names of extended resources, so both are bounded here. A resource
counts once an attempt has held some of it on a node.
"""

import time
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter

from mltask_operator.kube.quantities import LARGEST, amount
from mltask_operator.runtime.labels import MAX_NAMESPACES, OTHER, OTHER_NAMESPACES

BUILT_IN = frozenset({"cpu", "memory", "ephemeral-storage"})
MAX_RESOURCES_OF_A_NAMESPACE = 8
MAX_RESOURCES = 64
"""How many others have series of their own, in one namespace and in all. A Pod that names its node
itself can hold a resource that the node does not offer, since the kubelet ignores those. So one
namespace has only a part of the names."""
KEPT_SECONDS = 900.0
"""How long a namespace without tasks keeps its series. Prometheus must scrape them after their last
change, or that change would be missing in every `increase()`."""


class ResourceSeconds:
    """The counter `mltask_allocated_resource_seconds_total`."""

    def __init__(
        self, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Register the counter; `clock` returns seconds and never goes back."""
        self._clock = clock
        self._counter = Counter(
            "mltask_allocated_resource_seconds_total",
            "What ended attempts requested times the seconds for which they held it on a node: "
            "core-seconds of cpu, byte-seconds of memory, pieces of others.",
            ("namespace", "resource"),
            registry=registry,
        )
        self._series: defaultdict[str, set[str]] = defaultdict(set)
        """The resources of each namespace that has series."""
        self._holders: Tally[str] = Tally()
        """In how many namespaces each resource has a series, without the ones built in."""
        self._needed_at: dict[str, float] = {}
        """When each namespace with series of its own was last known to have tasks."""

    def add(self, namespace: str, requests: Mapping[str, str], seconds: float) -> None:
        """Count that an attempt held these amounts on a node for so many seconds."""
        if seconds <= 0:
            return
        for resource, quantity in requests.items():
            if (held := _number(quantity)) > 0:
                place = self._place(namespace)
                name = self._name(self._series[place], resource)
                if name not in self._series[place]:
                    self._series[place].add(name)
                    self._holders.update({name} - _NOT_TALLIED)
                self._counter.labels(place, name).inc(held * seconds)

    def retain(self, namespaces: Set[str]) -> None:
        """Drop the series of each namespace that has not been among these for KEPT_SECONDS."""
        now = self._clock()
        for namespace, needed_at in list(self._needed_at.items()):
            if namespace in namespaces:
                self._needed_at[namespace] = now
            elif now - needed_at >= KEPT_SECONDS:
                self._drop(namespace)

    def _drop(self, namespace: str) -> None:
        del self._needed_at[namespace]
        names = self._series.pop(namespace)
        for name in names:
            self._counter.remove(namespace, name)
        self._holders -= Tally(names - _NOT_TALLIED)

    def _place(self, namespace: str) -> str:
        if namespace not in self._needed_at and len(self._needed_at) >= MAX_NAMESPACES:
            return OTHER_NAMESPACES
        self._needed_at[namespace] = self._clock()
        return namespace

    def _name(self, series: Set[str], resource: str) -> str:
        if resource in BUILT_IN or resource in series:
            return resource
        if len(series - _NOT_TALLIED) >= MAX_RESOURCES_OF_A_NAMESPACE:
            return OTHER
        if resource not in self._holders and len(self._holders) >= MAX_RESOURCES:
            return OTHER
        return resource


_NOT_TALLIED = BUILT_IN | {OTHER}


def _number(quantity: str) -> float:
    try:
        return float(min(amount(quantity), Decimal(LARGEST)))
    except (ArithmeticError, ValueError):
        return 0.0
