"""Forms that the API server accepts and the official client's models do not."""

from collections.abc import Mapping
from typing import Any

_AMOUNTS = frozenset({"limits", "overhead", "requests"})
_AMOUNT = frozenset({"divisor", "maxMemory", "sizeLimit"})


def with_text_amounts(value: Any) -> Any:
    """Return JSON with every quantity as text: Kubernetes also takes `1` for `"1"`.

    Whatever else the value holds stays as it is.
    """
    if isinstance(value, list):
        return [with_text_amounts(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _with_text(name, each) for name, each in value.items()}


def with_containers(pod_spec: Any) -> Any:
    """Return a template's Pod spec with its list of containers, which it may leave out."""
    return {"containers": [], **pod_spec} if isinstance(pod_spec, Mapping) else pod_spec


def _with_text(name: str, value: Any) -> Any:
    if name in _AMOUNT:
        return _text(value)
    if name in _AMOUNTS and isinstance(value, Mapping):
        return {resource: _text(amount) for resource, amount in value.items()}
    return with_text_amounts(value)


def _text(amount: Any) -> Any:
    return str(amount) if isinstance(amount, int) and not isinstance(amount, bool) else amount
