"""Labels of metrics: each has few values, whatever users and other programs write.

A label value costs memory and time at each scrape, and Prometheus keeps it for weeks.
"""

from http import HTTPStatus

from mltask_operator.api.reasons import Reason

OTHER = "other"
"""Stands for every value that is not known. No reason and no resource has this name."""
OTHER_NAMESPACES = "_other"
"""Stands for the namespaces beyond MAX_NAMESPACES. No namespace can have this name."""
MAX_NAMESPACES = 500
"""How many namespaces have series of their own, in each metric with that label."""

_REASONS = frozenset(reason.value for reason in Reason)
_CODES = frozenset(status.value for status in HTTPStatus)


def reason(value: str | None) -> str:
    """Return the label of a status's reason: empty for none, `other` for one that is not ours."""
    if not value:
        return ""
    return value if value in _REASONS else OTHER


def code(value: int | None) -> str:
    """Return the label of an answer's code: `none` for no answer, `other` for no code of HTTP."""
    if value is None:
        return "none"
    return str(value) if value in _CODES else OTHER
