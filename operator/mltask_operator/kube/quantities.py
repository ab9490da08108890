"""Kubernetes quantities, read by the official client."""

import math
from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity


def amount(quantity: str | int) -> Decimal:
    """Return the quantity in its base unit: bytes, cores, pieces. Raise ValueError for no quantity.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    parsed: Decimal = parse_quantity(quantity)
    if not parsed.is_finite():
        raise ValueError(f"{quantity} is no quantity")
    return parsed


LARGEST = 2**63 - 1
"""What the API server cuts larger quantities to."""


def whole(quantity: str | int) -> int:
    """Return the quantity in its base unit, rounded up to a whole number from 0 to LARGEST."""
    # Cut before it is rounded: -1e999999 has a million digits.
    return math.ceil(max(Decimal(0), min(amount(quantity), Decimal(LARGEST))))
