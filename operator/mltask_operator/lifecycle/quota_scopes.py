"""Scopes of a ResourceQuota: which Pods it is for.

https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes
"""

from typing import NamedTuple

from mltask_operator.lifecycle.quota_demand import Demand


class Selector(NamedTuple):
    """One condition for a Pod."""

    scope: str
    operator: str = "Exists"
    values: tuple[str, ...] = ()


Scopes = tuple[Selector, ...]
"""A quota is for the Pods that meet all of these; for every Pod where there are none."""


def covers(scopes: Scopes, demand: Demand, default_class: str | None) -> bool:
    """Return whether a quota with these scopes is for a Pod of this demand.

    `default_class` is the PriorityClass that admission gives to a Pod that names none.
    """
    priority_class = demand.priority_class or default_class
    return all(_meets(selector, demand, priority_class) for selector in scopes)


def _meets(selector: Selector, demand: Demand, priority_class: str | None) -> bool:
    match selector.scope:
        case "Terminating":
            return demand.is_terminating
        case "NotTerminating":
            return not demand.is_terminating
        case "BestEffort":
            return demand.is_best_effort
        case "NotBestEffort":
            return not demand.is_best_effort
        case "CrossNamespacePodAffinity":
            return demand.has_cross_namespace_affinity
        case "PriorityClass":
            return _selects(selector, priority_class)
    # VolumeAttributesClass is for volume claims.
    return False


def _selects(selector: Selector, priority_class: str | None) -> bool:
    match selector.operator:
        case "In":
            return priority_class in selector.values
        case "NotIn":
            return priority_class not in selector.values
        case "Exists":
            return priority_class is not None
        case "DoesNotExist":
            return priority_class is None
    return False
