"""What is so at the moment of a scrape: counted then, since the store holds it anyhow.

50,000 tasks take some ten milliseconds. Numbers kept along with each event would cost every task,
and one that was forgotten would stay wrong until the next restart.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue


class Census(Collector):
    """Gauges of what the store and the queues hold, to be registered with the instruments.

    Of tasks only the leader (`acts`) tells: with each replica's word for it, all would count twice.
    """

    def __init__(
        self, store: Store, quota: QuotaQueue, queue: WorkQueue, acts: Callable[[], bool]
    ) -> None:
        self._store = store
        self._quota = quota
        self._queue = queue
        self._acts = acts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each gauge, as Prometheus' client asks for them."""
        acts = self._acts()
        yield GaugeMetricFamily(
            "mltask_operator_leader", "1 where this replica leads, and so acts; else 0.", int(acts)
        )
        yield GaugeMetricFamily(
            "mltask_operator_queue_depth", "Tasks that wait for a worker.", self._queue.depth
        )
        tasks = GaugeMetricFamily(
            "mltask_tasks",
            "Tasks in the cluster, by phase and reason (empty where there is none).",
            labels=("phase", "reason"),
        )
        waiting = GaugeMetricFamily(
            "mltask_tasks_waiting_for_quota",
            "Those of them that wait for quota, by namespace.",
            labels=("namespace",),
        )
        if acts:
            for standing, count in _standings(self._store).items():
                tasks.add_metric(standing, count)
            for namespace, count in self._quota.waiting().items():
                waiting.add_metric((namespace,), count)
        yield tasks
        yield waiting


def _standings(store: Store) -> Counter[tuple[str, str]]:
    statuses = (task.status for task in store.tasks())
    return Counter((status.phase.value, status.reason or "") for status in statuses)
