"""Quota demand: what ResourceQuotas look at in a Pod.

The rules are those of the API server's evaluator and its defaults for Pods:
https://github.com/kubernetes/kubernetes/blob/v1.37.2/pkg/quota/v1/evaluator/core/pods.go
https://github.com/kubernetes/component-helpers/blob/v0.37.2/resource/helpers.go

A demand has the names of the counted resources and no amounts: only the API server decides whether
an amount fits. A Pod's total is a sum or a maximum over its containers, and no amount is negative.
So the Pod counts for a resource if one container does, be it an init container or a sidecar.

Users choose the names, so their number and length are bounded.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from mltask_operator.api.names import MAIN_CONTAINER

Json = Mapping[str, Any]

MAX_RESOURCES = 64
"""The most resource names that a demand keeps beside COMMON. No real Pod asks for so many."""
MAX_CLASS_NAME = 253
"""The most characters of the name of a PriorityClass or RuntimeClass."""
MAX_RESOURCE_NAME = 317
"""The most characters of a resource's name: 253 of its domain, 63 and a slash."""
COMMON = frozenset({"pods", "cpu", "memory", "limits.cpu", "limits.memory"})
"""The resources that every demand keeps, since nearly every Pod competes for them."""
CATCH_ALL = "*"
"""Stands for all resources other than COMMON in a demand of more than MAX_RESOURCES. So these
demands compete with each other, and each costs the queue no more than an ordinary demand."""

_COMPUTE = ("cpu", "memory")
_NATIVE = frozenset({*_COMPUTE, "ephemeral-storage"})
_HUGE_PAGES = "hugepages-"
_DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"
_NOT_ZERO = re.compile(r"\+?[0.]*[1-9]")


class Demand(NamedTuple):
    """The properties of a Pod that ResourceQuotas look at. Equal demands share one value."""

    resources: frozenset[str]
    """What the Pod counts for: names of a quota without `requests.`, for example pods, cpu,
    limits.cpu or nvidia.com/gpu."""
    priority_class: str | None = None
    runtime_class: str | None = None
    """Decides what admission adds to the Pod as overhead."""
    is_terminating: bool = False
    is_best_effort: bool = False
    has_cross_namespace_affinity: bool = False


NO_DEMAND = Demand(frozenset())


def demand_of_task(spec: Json) -> Demand:
    """Return the demand of the Pods of an MLTask with this spec.

    Admission may add to it: see `runtime.quota_rules`.
    """
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    containers = pod_spec.get("containers") or ()
    others = [container for container in containers if container.get("name") != MAIN_CONTAINER]
    # Steps take the place of main, and each of them has the same resources.
    return demand_of_pod(
        {**pod_spec, "containers": [{"resources": spec.get("resources")}, *others]}
    )


def demand_of_pod(pod_spec: Json) -> Demand:
    """Return the demand of a Pod with this spec.

    Where a container says nothing about CPU or memory, the Pod counts for it: a quota of CPU or
    memory refuses such a Pod, unless a LimitRange adds the missing amount.
    """
    requested, limited, stated, missing = set[str](), set[str](), set[str](), set[str]()
    for container in _containers(pod_spec):
        requests, limits = _amounts(container)
        requested |= _not_zero(requests)
        limited |= _not_zero(limits)
        stated |= requests.keys()
        missing |= {name for name in _COMPUTE if name not in requests}
        missing |= {f"limits.{name}" for name in _COMPUTE if name not in limits}
    is_best_effort = not _has_compute(requested | limited)
    if of_pod := _of_pod(pod_spec, requested, stated):
        pod_requests, pod_limits = of_pod
        is_best_effort = not _has_compute(pod_requests | pod_limits)
        requested |= pod_requests
        limited |= pod_limits
        missing.clear()
    requested |= _not_zero(pod_spec.get("overhead") or {})
    counted = (name for name in requested if _is_counted(name))
    of_limits = (f"limits.{name}" for name in limited & _NATIVE)
    deadline = pod_spec.get("activeDeadlineSeconds")
    return _shared(
        Demand(
            resources=bounded({"pods", *counted, *of_limits, *missing}),
            priority_class=_class_name(pod_spec.get("priorityClassName")),
            runtime_class=_class_name(pod_spec.get("runtimeClassName")),
            is_terminating=deadline is not None and deadline >= 0,
            is_best_effort=is_best_effort,
            has_cross_namespace_affinity=any(map(_crosses_namespaces, _affinity_terms(pod_spec))),
        )
    )


def counted_as(name: str) -> str:
    """Return the name in a demand of a resource that a quota names, as in `requests.cpu`."""
    return "pods" if name == "count/pods" else name.removeprefix("requests.")


def bounded(names: Iterable[str]) -> frozenset[str]:
    """Return the names, with CATCH_ALL instead of more than MAX_RESOURCES beside COMMON."""
    found = frozenset(names)
    return found if len(found - COMMON) <= MAX_RESOURCES else (found & COMMON) | {CATCH_ALL}


def to_json(demand: Demand) -> dict[str, Any]:
    """Return the demand as JSON."""
    return {**demand._asdict(), "resources": sorted(demand.resources)}


def from_json(found: Json) -> Demand:
    """Return the demand that `to_json` has written."""
    return _shared(Demand(**{**found, "resources": frozenset(found["resources"])}))


@lru_cache(maxsize=512)
def _shared(demand: Demand) -> Demand:
    return demand


def _containers(pod_spec: Json) -> Iterator[Json]:
    for part in ("initContainers", "containers"):
        yield from pod_spec.get(part) or ()


def _amounts(holder: Json) -> tuple[Json, Json]:
    """Return the requests, which default to the limits, and the limits."""
    resources = holder.get("resources") or {}
    limits = resources.get("limits") or {}
    return {**limits, **(resources.get("requests") or {})}, limits


def _of_pod(
    pod_spec: Json, requested: Collection[str], stated: Collection[str]
) -> tuple[set[str], set[str]] | None:
    """Return what the Pod itself requests and limits, beside its containers; None for nothing.

    Its requests default to those of its containers or, where these have none, to its limits.
    """
    resources = pod_spec.get("resources") or {}
    requests = _of_a_pod(resources.get("requests") or {})
    limits = _of_a_pod(resources.get("limits") or {})
    if not requests and not limits:
        return None
    found = _not_zero(requests)
    if resources.get("limits"):
        found |= {name for name in requested if name in _COMPUTE and name not in requests}
        found |= {name for name in _not_zero(limits) if name not in {*requests, *stated}}
    return found, _not_zero(limits)


def _of_a_pod(amounts: Json) -> Json:
    return {n: amounts[n] for n in amounts if n in _COMPUTE or n.startswith(_HUGE_PAGES)}


def _not_zero(amounts: Json) -> set[str]:
    return {name for name, amount in amounts.items() if _NOT_ZERO.match(str(amount))}


def _has_compute(names: Collection[str]) -> bool:
    return any(name in names for name in _COMPUTE)


def _is_counted(name: str) -> bool:
    """Whether a quota can count requests of this resource."""
    if len(name) > MAX_RESOURCE_NAME:
        return False
    if name in _NATIVE or name.startswith((_HUGE_PAGES, _DEVICE_CLASS)):
        return True
    return "/" in name and "kubernetes.io/" not in name


def _class_name(name: str | None) -> str | None:
    # A longer name is no class's. One character more than allowed keeps it so.
    return name[: MAX_CLASS_NAME + 1] if name else None


def _affinity_terms(pod_spec: Json) -> Iterator[Json]:
    affinity = pod_spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted.get("podAffinityTerm") or {}


def _crosses_namespaces(term: Json) -> bool:
    return bool(term.get("namespaces")) or term.get("namespaceSelector") is not None
