"""ResourceQuotas: what a refusal of theirs says, and what a change of one means.

A refusal comes as text alone; the API server makes it in pkg/quota's admission plugin:
`exceeded quota: NAME, requested: R=Q,…, used: R=Q,…, limited: R=Q,…`, of the exceeded resources.
"""

import re
from collections.abc import Mapping
from typing import Any

from mltask_operator.kube.quantities import amount
from mltask_operator.lifecycle.observed import QuotaExcess

Json = Mapping[str, Any]

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<name>\S+), requested: (?P<requested>\S+), used: \S+, "
    r"limited: (?P<limited>\S+)"
)


def excess_from(message: str) -> QuotaExcess | None:
    """Return what a refused creation asked too much of; None where the message does not say."""
    if (found := _EXCEEDED.search(message)) is None:
        return None
    try:
        requested, limited = _amounts(found["requested"]), _amounts(found["limited"])
        never_fits = any(amount(q) > amount(limited[r]) for r, q in requested.items())
    except (KeyError, ValueError):
        return None
    return QuotaExcess(quota=found["name"], resources=frozenset(requested), never_fits=never_fits)


def has_released(before: Json, after: Json) -> bool:
    """Whether the change of a ResourceQuota may let in what it refused: less used, or more hard."""
    if has_new_bounds(before, after):
        return True
    old_used, new_used = ((q.get("status") or {}).get("used") or {} for q in (before, after))
    return any(_is_less(new_used.get(r, "0"), used) for r, used in old_used.items())


def has_new_bounds(before: Json, after: Json) -> bool:
    """Whether the ResourceQuota holds another amount than before, whatever is used of it."""
    return before.get("spec") != after.get("spec") or (
        (before.get("status") or {}).get("hard") != (after.get("status") or {}).get("hard")
    )


def is_scoped(quota: Json) -> bool:
    """Whether the quota is for some Pods of its namespace only."""
    spec = quota.get("spec") or {}
    return bool(spec.get("scopes") or spec.get("scopeSelector"))


def _is_less(quantity: str, than: str) -> bool:
    return quantity != than and amount(quantity) < amount(than)


def _amounts(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(","))
    return {resource: quantity for resource, _, quantity in pairs}
