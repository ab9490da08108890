"""Census: gauges of what the store and the queues hold, counted before each rendering.

Counts that are kept up to date with each event would cost every task, and one that was missed would
stay wrong until the next restart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mltask_operator.runtime import labels
from mltask_operator.runtime.labels import MAX_NAMESPACES, OTHER_NAMESPACES
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue

SLICE = 2_000
"""How many tasks are counted at a time, in about a millisecond, before others have their turn."""


@dataclass(frozen=True, slots=True)
class _Counts:
    acts: bool = False
    queue_depth: int = 0
    tasks: Mapping[tuple[str, str], int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)


class Census(Collector):
    """The gauges, to be registered with the instruments.

    Only the leader (`acts`) counts tasks. If each replica did, a sum would count all of them twice.
    """

    def __init__(
        self, store: Store, quota: QuotaQueue, queue: WorkQueue, acts: Callable[[], bool]
    ) -> None:
        self._store = store
        self._quota = quota
        self._queue = queue
        self._acts = acts
        self._counts = _Counts()

    async def count(self) -> frozenset[str]:
        """Count again, for `collect`. Return the namespaces that have tasks."""
        tasks: Counter[tuple[str, str]] = Counter()
        namespaces: set[str] = set()
        waiting: Counter[str] = Counter()
        if acts := self._acts():
            waiting = self._quota.waiting()
            # The store may change between two slices.
            all_tasks = list(self._store.tasks())
            for start in range(0, len(all_tasks), SLICE):
                await asyncio.sleep(0)
                for task in all_tasks[start : start + SLICE]:
                    tasks[task.status.phase.value, labels.reason(task.status.reason)] += 1
                    namespaces.add(task.namespace)
        self._counts = _Counts(acts, self._queue.depth, tasks, _largest(waiting))
        return frozenset(namespaces)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each gauge as it was counted last. Safe to call from any thread."""
        counts = self._counts
        yield GaugeMetricFamily(
            "mltask_operator_leader",
            "1 where this replica leads, and so acts; else 0.",
            int(counts.acts),
        )
        yield GaugeMetricFamily(
            "mltask_operator_queue_depth", "Tasks that wait for a worker.", counts.queue_depth
        )
        tasks = GaugeMetricFamily(
            "mltask_tasks",
            "Tasks in the cluster, by phase and reason (empty where there is none).",
            labels=("phase", "reason"),
        )
        for standing, count in counts.tasks.items():
            tasks.add_metric(standing, count)
        yield tasks
        waiting = GaugeMetricFamily(
            "mltask_tasks_waiting_for_quota",
            "Those of them that wait for quota, by namespace.",
            labels=("namespace",),
        )
        for namespace, count in counts.waiting.items():
            waiting.add_metric((namespace,), count)
        yield waiting


def _largest(waiting: Counter[str]) -> dict[str, int]:
    """Return the counts of the namespaces with the most, and the sum of all others."""
    ranked = sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
    largest = dict(ranked[:MAX_NAMESPACES])
    if rest := sum(count for _, count in ranked[MAX_NAMESPACES:]):
        largest[OTHER_NAMESPACES] = rest
    return largest
