"""What the instruments show of what has happened."""

import re
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from localcluster.operator_process import free_port
from mltask_operator.access.credentials import Credentials
from mltask_operator.api.reasons import Reason
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.lifecycle.observed import RefusalKind
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.exposition import PATH, Exposition
from mltask_operator.runtime.http_server import serving
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.api_server import ApiServer
from tests.unit.bodies import task_body
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import written
from tests.unit.pods import (
    NAMESPACE,
    NOW,
    a_pod,
    ago,
    ended,
    running,
    succeeded,
    told_to_end,
)
from tests.unit.statuses import suspended_status

HELD: dict[str, Any] = {"scheduled_at": ago(40)}
"""Until the end of `ended`, that is for 30 s."""


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def shown(metrics: Metrics, name: str) -> dict[str, float]:
    """Return the samples of this name that are not 0, by the values of their labels."""
    return {
        "/".join(sample.labels.values()): sample.value
        for metric in metrics.registry.collect()
        for sample in metric.samples
        if sample.name == name and sample.value
    }


def write(metrics: Metrics, seen: TaskBuilder) -> None:
    """Have the operator write what follows from what it sees."""
    metrics.note_written(seen.task, written(seen))


# Attempts and outcomes


@pytest.mark.parametrize(
    ("seen", "attempts", "disruptions", "finished"),
    [
        (a_task().with_pod(running()), "", "", ""),
        (a_task().with_pod(succeeded()), "Completed", "", "Succeeded/Completed"),
        (a_task().with_pod(ended(3)), "ContainerFailed", "", "Failed/ContainerFailed"),
        (a_task().with_rules(backoff_limit=1).with_pod(ended(3)), "ContainerFailed", "", ""),
        (a_task().with_pod(a_pod(**told_to_end(1, 0))), "PodDeleted", "PodDeleted", ""),
        (a_task().refused(RefusalKind.INVALID), "", "", "Failed/InvalidTemplate"),
    ],
)
def test_what_a_written_status_tells(
    metrics: Metrics, seen: TaskBuilder, attempts: str, disruptions: str, finished: str
) -> None:
    write(metrics, seen)
    counted = ("mltask_attempts_total", "mltask_disruptions_total", "mltask_tasks_finished_total")
    assert [list(shown(metrics, name)) for name in counted] == [
        [word] if word else [] for word in (attempts, disruptions, finished)
    ]


def test_resources_are_booked_once_when_the_attempt_has_ended(metrics: Metrics) -> None:
    held = "mltask_allocated_resource_seconds_total"
    write(metrics, a_task().with_pod(running(**HELD)))
    assert shown(metrics, held) == {}
    write(metrics, a_task().with_pod(succeeded(**HELD)))
    assert shown(metrics, held) == {f"{NAMESPACE}/cpu": 30.0}


# Latencies


def test_the_wait_for_the_first_pod_is_timed_and_no_later_one(metrics: Metrics) -> None:
    task = a_task().task
    metrics.note_created(task, 1, task.created_at + timedelta(seconds=7))
    metrics.note_created(task, 2, task.created_at + timedelta(seconds=100))
    assert shown(metrics, "mltask_allocation_latency_seconds_count") == {"": 1}
    assert shown(metrics, "mltask_allocation_latency_seconds_sum") == {"": 7}


def test_a_suspension_is_no_wait(metrics: Metrics) -> None:
    task = a_task().with_status(suspended_status()).task
    metrics.note_created(task, 1, NOW)
    assert shown(metrics, "mltask_allocation_latency_seconds_count") == {}


def test_a_release_is_timed_from_the_end_of_the_last_container(metrics: Metrics) -> None:
    metrics.note_released(succeeded(), NOW + timedelta(seconds=2.7))
    assert shown(metrics, "mltask_release_latency_seconds_sum") == {"": 12}


def test_a_node_whose_clock_is_ahead_takes_no_time_back(metrics: Metrics) -> None:
    metrics.note_released(succeeded(), ago(60))
    assert shown(metrics, "mltask_release_latency_seconds_count") == {"": 1}
    assert shown(metrics, "mltask_release_latency_seconds_sum") == {}


def test_a_pod_that_is_yet_to_end_is_not_timed(metrics: Metrics) -> None:
    metrics.note_released(running(), NOW)
    assert shown(metrics, "mltask_release_latency_seconds_count") == {}


# The operator's work


async def test_work_is_timed_and_counted_where_it_fails(metrics: Metrics) -> None:
    async def work(key: str) -> timedelta | None:
        if key == "bad":
            raise ValueError(key)
        return timedelta(seconds=3)

    timed = metrics.timed(work)
    assert await timed("good") == timedelta(seconds=3)
    with pytest.raises(ValueError, match="bad"):
        await timed("bad")
    assert shown(metrics, "mltask_operator_reconcile_duration_seconds_count") == {"": 2}
    assert shown(metrics, "mltask_operator_reconcile_errors_total") == {"": 1}


@pytest.mark.usefixtures("kubeconfig")
async def test_requests_are_counted_by_what_was_answered(
    metrics: Metrics, server: ApiServer
) -> None:
    credentials = Credentials()
    await credentials.load()
    async with Api(credentials, after_request=metrics.note_request) as api:
        await api.get_pod("team-a", "train-1")
        server.answer = server.says({"kind": "Status", "reason": "Conflict"}, code=409)
        with pytest.raises(ApiError):
            await api.release_pod("team-a", "train-1", "uid-1")
        await server.close()
        with pytest.raises(Unreachable):
            await api.get_pod("team-a", "train-1")
    requests = shown(metrics, "mltask_operator_api_requests_total")
    assert requests == {"GET/200": 1, "PATCH/409": 1, "GET/none": 1}
    durations = shown(metrics, "mltask_operator_api_request_duration_seconds_count")
    assert durations == {"GET": 2, "PATCH": 1}


# What is so at the moment


class Replica:
    """What a replica knows: a task that waits for quota, one that has failed, a full queue."""

    def __init__(self, metrics: Metrics, store: Store) -> None:
        self.acts = False
        store.record_task(task_body(10), is_certain=True)
        failed = {"phase": "Failed", "reason": Reason.OOM_KILLED.value, "attempts": 1}
        store.record_task(task_body(11, uid="failed", status=failed))
        quota = QuotaQueue(lambda _: None, lambda _: 0)
        quota.park(next(store.tasks()))
        queue = WorkQueue(self.work, 1)
        queue.wake("failed")
        metrics.add_census(Census(store, quota, queue, lambda: self.acts))

    async def work(self, key: str) -> None:
        """Never called."""


async def test_the_leader_tells_of_tasks(metrics: Metrics, store: Store) -> None:
    Replica(metrics, store).acts = True
    await metrics.count()
    assert shown(metrics, "mltask_operator_leader") == {"": 1}
    assert shown(metrics, "mltask_operator_queue_depth") == {"": 1}
    assert shown(metrics, "mltask_tasks") == {"Pending/": 1, "Failed/OOMKilled": 1}
    assert shown(metrics, "mltask_tasks_waiting_for_quota") == {NAMESPACE: 1}


async def test_who_stands_by_leaves_that_to_the_leader(metrics: Metrics, store: Store) -> None:
    Replica(metrics, store)
    await metrics.count()
    assert metrics.registry.get_sample_value("mltask_operator_leader") == 0
    assert shown(metrics, "mltask_tasks") == shown(metrics, "mltask_tasks_waiting_for_quota") == {}


async def test_they_are_served_to_prometheus(metrics: Metrics) -> None:
    port = free_port()
    async with (
        serving(port, PATH, Exposition(metrics).page),
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{PATH}") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = await answer.text()
    assert re.search(r'^mltask_operator_build_info\{version="\d', text, re.MULTILINE)
    assert "_created" not in text
