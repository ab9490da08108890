"""The page of the metrics is what the operator serves: names, types, labels, words."""

import re
from pathlib import Path

import pytest
from prometheus_client import Metric

from mltask_operator.runtime.census import Census
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.bodies import task_body
from tests.unit.builders import a_task
from tests.unit.clock import Clock
from tests.unit.decisions import written
from tests.unit.pods import a_pod, ago, succeeded, told_to_end

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ENDINGS = {"counter": "_total", "info": "_info"}


async def no_work(_: str) -> None: ...


@pytest.fixture
async def served() -> dict[str, Metric]:
    """What the operator serves of its own, by the names of the page, once all has happened."""
    metrics, store = Metrics(), Store(Clock())
    quota = QuotaQueue(lambda _: None, lambda _: 0)
    metrics.add_census(Census(store, quota, WorkQueue(no_work, 1), lambda: True))
    store.record_task(task_body(), is_certain=True)
    [task] = store.tasks()
    quota.park(task)
    for pod in (succeeded(scheduled_at=ago(40)), a_pod(**told_to_end(1, grace_seconds=0))):
        metrics.note_written(task, written(a_task().with_pod(pod)))
    metrics.note_request("GET", 200, 0.1)
    metrics.note_set_aside("Pod")
    await metrics.count()
    return {
        metric.name + ENDINGS.get(metric.type, ""): metric
        for metric in metrics.registry.collect()
        if metric.name.startswith("mltask_")
    }


def test_the_page_has_each_metric_with_its_type_labels_and_words(served: dict[str, Metric]) -> None:
    rows = re.findall(r"^\| `(mltask_\w+)` \| (\w+) \|(.*?)\| (.*) \|$", PAGE, re.MULTILINE)
    told = {
        name: (kind, set(re.findall(r"`(\w+)`", labels)), words)
        for name, kind, labels, words in rows
    }
    assert len(told) == len(rows)
    assert told == {
        name: (metric.type.replace("info", "gauge"), labels_of(metric), metric.documentation)
        for name, metric in served.items()
    }


def labels_of(metric: Metric) -> set[str]:
    return {label for sample in metric.samples for label in sample.labels} - {"le"}
