"""ResourceQuotas: the meaning of their refusals and of their changes.

A refusal is a text only. The API server's admission plugin for quota writes it, and names the
exceeded resources: `exceeded quota: NAME, requested: R=Q,…, used: R=Q,…, limited: R=Q,…`.

A quota is its users' text too: nothing here raises, whatever a ResourceQuota holds, and the work is
bounded whatever its size.
"""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

from mltask_operator.kube.quantities import amount
from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.lifecycle.quota_demand import MAX_RESOURCE_NAME, MAX_RESOURCES
from mltask_operator.lifecycle.quota_scopes import Scopes, Selector

Json = Mapping[str, Any]

MAX_BOUNDS = 10_000
"""The most entries of `hard` that are looked at: a quota of object counts may have hundreds."""
MAX_USED = 256
"""The most entries of `used` that are kept and compared. Where a later one falls, waiting tasks
find out when they next ask by themselves, within half a minute."""
MAX_SELECTORS = 64
"""The most entries of each list in a scope selector that are kept."""
MAX_AMOUNT = 64
"""The most characters of an amount. The API server itself writes fewer than 30."""

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>[a-z0-9.-]{1,253}), requested: (?P<requested>\S+), used: \S+, "
    r"limited: (?P<limited>\S+)"
)


class QuotaKey(NamedTuple):
    """Which ResourceQuota it is."""

    namespace: str
    name: str


def excess_from(message: str) -> QuotaExcess | None:
    """Return why a quota refused a Pod, or None if the message doesn't say it.

    A refusal that names more than MAX_RESOURCES counts as unreadable. No real Pod asks for so many.
    """
    if (found := _EXCEEDED.search(message)) is None:
        return None
    requested, limited = _pairs(found["requested"]), _pairs(found["limited"])
    if len(requested) > MAX_RESOURCES:
        return None
    try:
        never_fits = any(_is_less(limited[r], q) for r, q in requested.items())
    except (KeyError, ValueError):
        return None
    return QuotaExcess(quota=found["name"], resources=frozenset(requested), never_fits=never_fits)


def key_of(quota: Json) -> QuotaKey | None:
    """Return the namespace and name of a ResourceQuota, or None if it has none."""
    metadata = _map(quota.get("metadata"))
    namespace, name = metadata.get("namespace"), metadata.get("name")
    return (
        QuotaKey(namespace, name) if isinstance(namespace, str) and isinstance(name, str) else None
    )


def kept_part(quota: Json) -> Json:
    """Return the part of a ResourceQuota that shows its changes, in a bounded size.

    The amounts in `hard` become one number, since only their changes matter.
    """
    spec, status = _map(quota.get("spec")), _map(quota.get("status"))
    return {
        "spec": {"hard": _fingerprint(spec.get("hard")), "scopes": scopes_of(quota)},
        "status": {"hard": _fingerprint(status.get("hard")), "used": _used(quota)},
    }


def has_released(before: Json, after: Json) -> bool:
    """Return whether a Pod that the ResourceQuota refused may fit after this change.

    That is so where less is used of a resource, or where the bounds have changed.
    """
    if has_new_bounds(before, after):
        return True
    used = _used(after)
    return any(_has_fallen(amount, used.get(name, "0")) for name, amount in _used(before).items())


def has_new_bounds(before: Json, after: Json) -> bool:
    """Return whether the ResourceQuota's own amounts or scopes have changed."""
    return before.get("spec") != after.get("spec") or (
        _map(before.get("status")).get("hard") != _map(after.get("status")).get("hard")
    )


def scopes_of(quota: Json) -> Scopes:
    """Return which Pods of its namespace the ResourceQuota is for."""
    spec = _map(quota.get("spec"))
    selectors = _first(_map(spec.get("scopeSelector")).get("matchExpressions"))
    return (
        *(Selector(scope) for scope in _names(spec.get("scopes"))),
        *(_selector(_map(selector)) for selector in selectors),
    )


def _has_fallen(before: str, after: str) -> bool:
    try:
        return before != after and _is_less(after, before)
    except ValueError:
        return False


def _is_less(quantity: str, than: str) -> bool:
    if max(len(quantity), len(than)) > MAX_AMOUNT:
        raise ValueError("longer than any quantity")
    return amount(quantity) < amount(than)


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",", MAX_RESOURCES))
    return {resource: quantity for resource, _, quantity in pairs}


def _used(quota: Json) -> dict[str, str]:
    used = _map(_map(quota.get("status")).get("used"))
    return {
        name: amount
        for name, amount in islice(used.items(), MAX_USED)
        if len(name) <= MAX_RESOURCE_NAME and isinstance(amount, str) and len(amount) <= MAX_AMOUNT
    }


def _fingerprint(amounts: object) -> int:
    entries = islice(_map(amounts).items(), MAX_BOUNDS)
    return hash(frozenset(entry for entry in entries if isinstance(entry[1], str)))


def _selector(selector: Json) -> Selector:
    scope, operator = selector.get("scopeName"), selector.get("operator")
    return Selector(
        scope=_name(scope), operator=_name(operator), values=_names(selector.get("values"))
    )


def _name(value: object) -> str:
    return value[:MAX_RESOURCE_NAME] if isinstance(value, str) else ""


def _names(values: object) -> tuple[str, ...]:
    return tuple(_name(value) for value in _first(values) if isinstance(value, str))


def _first(values: object) -> list[Any]:
    return values[:MAX_SELECTORS] if isinstance(values, list) else []


def _map(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
