"""Tasks and ResourceQuotas drawn by lot, of everything that a quota may look at in a Pod."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from tests.api.client import Json

GPU = "nvidia.com/gpu"
DEVICES = "deviceclass.resource.kubernetes.io/gpus"
HUGE_PAGES = "hugepages-2Mi"
COMPUTE = (
    "pods",
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
)
"""What a quota with scopes may count, beside extended resources."""
COUNTED = (
    *COMPUTE, "count/pods", "ephemeral-storage", "requests.ephemeral-storage",
    "limits.ephemeral-storage", HUGE_PAGES, f"requests.{HUGE_PAGES}",
)  # fmt: skip
EXTENDED = (f"requests.{GPU}", f"requests.{DEVICES}", "requests.example.org/fpga")
AMOUNTS = {"cpu": ("1m", "2m"), "memory": ("1Mi", "2Mi"), "ephemeral-storage": ("1Mi", "2Mi")}
"""Of each resource an amount to request and one, which isn't smaller, to limit."""
BY_THE_PIECE = {
    GPU: "1",
    DEVICES: "1",
    HUGE_PAGES: "2Mi",
    "example.org/fpga": "1",
    "example.org/x": "1",
}
OVERHEAD = {"cpu": "10m", "memory": "1Mi"}


class Lot:
    """Draws tasks and quotas; the same seed draws the same ones."""

    def __init__(self, seed: int, priority_classes: Sequence[str], runtime_class: str) -> None:
        self._random = Random(seed)  # noqa: S311 (a lot, no secret)
        self._priority_classes = priority_classes
        self._runtime_class = runtime_class

    def task(self) -> Json:
        """Return the spec of an MLTask."""
        spec: Json = {"image": "trainer:1", "resources": self._resources(), "template": {}}
        # The CRD demands it.
        spec["resources"].setdefault("requests", {}).setdefault("cpu", self._pick("0", "1m"))
        if self._is(0.2):
            spec["steps"] = [{"name": "one"}, {"name": "two"}]
        if self._is(0.8):
            spec["template"] = {"spec": dict(self._template())}
        return spec

    def quota(self) -> Json:
        """Return the spec of a ResourceQuota that holds nothing."""
        scopes, selectors = self._scopes()
        counted: Sequence[str] = (*COUNTED, *EXTENDED)
        if "BestEffort" in scopes:
            counted = ("pods",)
        elif scopes or selectors:
            counted = (*COMPUTE, *EXTENDED)
        names = self._random.sample(counted, self._random.randint(1, min(3, len(counted))))
        spec: Json = {"hard": dict.fromkeys(names, "0"), "scopes": scopes}
        return spec | ({"scopeSelector": {"matchExpressions": selectors}} if selectors else {})

    def _scopes(self) -> tuple[list[str], list[Json]]:
        if self._is(0.3):
            return [], []
        kinds = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort")
        scopes = [self._pick(*kinds)] if self._is(0.6) else []
        if self._is(0.2):
            scopes.append("CrossNamespacePodAffinity")
        selectors: list[Json] = []
        if self._is(0.5) or not scopes:
            operator = self._pick("In", "NotIn", "Exists", "DoesNotExist")
            classes = [self._pick(*self._priority_classes)]
            values = {"values": classes} if operator.endswith("In") else {}
            selectors.append({"scopeName": "PriorityClass", "operator": operator, **values})
        return scopes, selectors

    def _template(self) -> Iterator[tuple[str, object]]:
        names = self._pick((), ("main",), ("a",), ("a", "b"), ("main", "a"))
        yield "containers", [{"name": name, **self._container()} for name in names]
        inits = [{"name": f"i{n}", **self._container()} for n in range(self._pick(0, 1, 2))]
        yield (
            "initContainers",
            [{**c, **self._pick({}, {"restartPolicy": "Always"})} for c in inits],
        )
        if self._is(0.3):
            yield "activeDeadlineSeconds", 600
        if self._is(0.5):
            yield "priorityClassName", self._pick(*self._priority_classes)
        if self._is(0.2):
            yield "runtimeClassName", self._runtime_class
            yield "overhead", OVERHEAD
        if self._is(0.3):
            yield "affinity", self._affinity()
        if self._is(0.3):
            yield "resources", self._of_pod()

    def _container(self) -> Json:
        return {"image": "sidecar:1", "resources": self._resources()}

    def _resources(self) -> Json:
        requests, limits = {}, {}
        for name, (request, limit) in AMOUNTS.items():
            how = self._pick("", "", "request", "limit", "both", "zero", "zero request")
            if how in ("request", "both"):
                requests[name] = request
            if how in ("limit", "both", "zero request"):
                limits[name] = limit
            if how in ("zero", "zero request"):
                requests[name] = self._pick("0", "0.0", "0Mi")
        for name, amount in BY_THE_PIECE.items():
            if self._is(0.1):
                limits[name] = self._pick(amount, "0")
        return {"requests": requests, "limits": limits}

    def _of_pod(self) -> Json:
        """Return resources of a Pod, which are larger than all of its containers together."""
        amounts = {"cpu": "8", "memory": "8Gi", HUGE_PAGES: "8Mi"}
        both = {name: amount for name, amount in amounts.items() if self._is(0.5)}
        parts = self._pick(("requests",), ("limits",), ("requests", "limits"))
        return dict.fromkeys(parts, both)

    def _affinity(self) -> Json:
        namespaces = self._pick({}, {"namespaces": ["default"]}, {"namespaceSelector": {}})
        term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}, **namespaces}
        kind = self._pick("podAffinity", "podAntiAffinity")
        if self._is(0.5):
            return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        weighted = {"weight": 1, "podAffinityTerm": term}
        return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}}

    def _is(self, probability: float) -> bool:
        return self._random.random() < probability

    def _pick(self, *choices: Any) -> Any:
        return self._random.choice(choices)
