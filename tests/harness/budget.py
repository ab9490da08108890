"""Budget: the CPU seconds that each layer of tests may use, so that `make test` stays quick.

The budget is CPU time, because a busy machine takes more wall time for the same work. A slow
machine also takes more CPU time, so the budget grows with the time of a fixed calculation.
"""

import time
from collections.abc import Iterable, Iterator
from statistics import median

from tests.harness.costs import Cost

CPU_SECONDS = {
    "api": 400,
    "attack": 60,
    "benchmarks": 200,
    "chaos": 400,
    "chart": 240,
    "client": 20,
    "codegen": 20,
    "control planes": 550,
    "demo": 30,
    "docs": 20,
    "e2e": 750,
    "harness": 30,
    "images": 400,
    "localcluster": 220,
    "supplychain": 20,
    "unit": 120,
}
"""By layer, on the machine where the calculation takes `REFERENCE_SECONDS`.

e2e and images include the builds of all images, which are cached after the first run.
"""
NEW_LAYER = 60
"""For a folder of tests that has no budget yet."""
REFERENCE_SECONDS = 0.055
SLOWEST = 10


def layer_of(cost: Cost) -> str:
    """Return the layer of a cost: the folder of tests/, or the control planes that tests share."""
    if cost.kind == "cluster":
        return "control planes"
    return cost.name.partition("::")[0].removeprefix("tests/").partition("/")[0]


def over_budget(costs: Iterable[Cost], slowness: float) -> Iterator[str]:
    """Yield lines about each layer that used more CPU time than it may, with its slowest tests.

    `slowness` is 2 on a machine that takes twice as long as the one of the budget.
    """
    layers: dict[str, list[Cost]] = {}
    for cost in costs:
        if cost.kind in ("test", "cluster"):
            layers.setdefault(layer_of(cost), []).append(cost)
    for layer, of_layer in sorted(layers.items()):
        used = sum(cost.cpu for cost in of_layer)
        allowed = CPU_SECONDS.get(layer, NEW_LAYER) * slowness
        if used > allowed:
            yield f"{layer} used {used:.0f} s of CPU time; its budget is {allowed:.0f} s"
            for cost in sorted(of_layer, key=lambda cost: -cost.cpu)[:SLOWEST]:
                yield f"  {cost.cpu:6.1f} s  {cost.name}"


def slowness() -> float:
    """Return how slow this machine is now: 1 for the machine of the budget or a faster one."""
    return max(1.0, median(_calculate() for _ in range(5)) / REFERENCE_SECONDS)


def _calculate() -> float:
    """Return the CPU seconds of a fixed calculation."""
    began = time.process_time()
    sum(number * number % 7 for number in range(1_000_000))
    return time.process_time() - began
