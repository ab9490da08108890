"""More memory for the next attempt, after one that ran out of it. Amounts are in bytes."""

import math

from mltask_operator.lifecycle.observed import Task
from mltask_operator.lifecycle.rules import MemoryGrowth

_MEBIBYTE = 2**20


def grown(task: Task) -> int | None:
    """Return what the next attempt asks for, or None where there is no more to be had.

    What kills a container is its limit; only where it has none, its request tells how much it has.
    """
    growth = task.rules.memory
    if growth is None:
        return None
    asked = task.asked_memory or growth.request
    if (limit_for(growth, asked) or asked) >= growth.maximum:
        return None
    mebibytes = math.ceil(asked * growth.factor / _MEBIBYTE)
    return min(mebibytes * _MEBIBYTE, growth.maximum)


def limit_for(growth: MemoryGrowth, asked: int) -> int | None:
    """Return the limit that goes with a request: it grows alike, up to the same maximum."""
    if growth.limit is None:
        return None
    rounded_up = -(-growth.limit * asked // growth.request)
    return min(rounded_up, growth.maximum)


def quantity(amount: int) -> str:
    """Return the amount as a Kubernetes quantity."""
    if amount % _MEBIBYTE:
        return str(amount)
    return f"{amount // _MEBIBYTE}Mi"


def asked(task: Task) -> str | None:
    """Return the memory that the present attempt asks for, where the rules let it grow."""
    growth = task.rules.memory
    return quantity(task.asked_memory or growth.request) if growth else None


def requests(task: Task, grown_to: int | None = None) -> dict[str, str]:
    """Return what the present attempt requests or, with `grown_to`, the next one."""
    amounts = dict(task.requests)
    amount = grown_to or task.asked_memory
    if task.rules.memory is not None and amount not in (None, task.rules.memory.request):
        amounts["memory"] = quantity(amount)
    return amounts


def limit(task: Task) -> str | None:
    """Return the limit of the present attempt's memory where it has grown, else None."""
    growth, amount = task.rules.memory, task.asked_memory
    if growth is None or amount in (None, growth.request):
        return None
    amount = limit_for(growth, amount)
    return quantity(amount) if amount is not None else None
