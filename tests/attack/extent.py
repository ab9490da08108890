"""Extent: `make attack` runs every attack in full size, `make test` a sample of each."""

import os

IS_WHOLE = "ATTACK_WHOLE" in os.environ
SEED = os.environ.get("ATTACK_SEED", "1")

READY_SECONDS = 5.0 if IS_WHOLE else 60.0
"""From the start of the operator until a waiting task of another namespace has its Pod."""
POD_SECONDS = 1.0 if IS_WHOLE else 20.0
"""From the creation of another namespace's task until it has its Pod.

A sample runs beside other tests, so it only tells a delay from none.
"""
FINISHED_SECONDS = 5.0 if IS_WHOLE else 60.0
LEASE_SECONDS = 15
"""The chart's default. Beside huge objects, the API server may answer late."""
SHORT_LEASE_SECONDS = 5 if IS_WHOLE else 15
"""For a take-over. Beside other tests, a leader may be too late for a shorter Lease."""
LIMIT_MIB = 512
"""The memory limit in the chart's values.yaml."""
MEMORY_MIB = 0.7 * LIMIT_MIB


def size(whole: int, sample: int) -> int:
    """Return the first number in `make attack`, the second one in `make test`."""
    return whole if IS_WHOLE else sample
