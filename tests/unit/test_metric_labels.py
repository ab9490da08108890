"""Series of metrics: how many there are does not depend on what users write."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from mltask_operator.lifecycle.observed import Task
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.labels import MAX_NAMESPACES, OTHER_NAMESPACES
from mltask_operator.runtime.metrics import SET_ASIDE_KINDS, Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.resource_seconds import (
    KEPT_SECONDS,
    MAX_RESOURCES,
    MAX_RESOURCES_OF_A_NAMESPACE,
    ResourceSeconds,
)
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.bodies import task_body
from tests.unit.builders import a_task
from tests.unit.decisions import written
from tests.unit.pods import ago, succeeded

HELD = "mltask_allocated_resource_seconds_total"


def samples(registry: CollectorRegistry, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of this name, by the values of their labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == name
    }


class Seconds:
    """A clock that stands still until told otherwise."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def held(registry: CollectorRegistry, seconds: Seconds) -> ResourceSeconds:
    return ResourceSeconds(registry, seconds)


# Resources


def made_up(count: int, amount: str, prefix: str = "made.up") -> dict[str, str]:
    return {f"{prefix}/r{number}": amount for number in range(count)}


@pytest.mark.parametrize("amount", ["0", "0m", "-1", "0e9", "no quantity", ""])
def test_what_holds_nothing_has_no_series(
    held: ResourceSeconds, registry: CollectorRegistry, amount: str
) -> None:
    for number in range(1000):
        held.add("team-a", {"cpu": "1", **made_up(30, amount, f"of{number}")}, 10)
    assert samples(registry, HELD) == {("team-a", "cpu"): 10_000}


def test_what_was_never_on_a_node_has_no_series(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    held.add("team-a", {"cpu": "1", "nvidia.com/gpu": "1"}, 0)
    assert samples(registry, HELD) == {}


def test_a_written_status_books_what_the_attempt_held() -> None:
    metrics = Metrics()
    task = a_task().with_pod(succeeded(scheduled_at=ago(40)))
    requests = {"cpu": "500m", "nvidia.com/gpu": "2", "example.com/none": "0"}
    metrics.note_written(asking_for(task.task, requests), written(task))
    assert samples(metrics.registry, HELD) == {
        ("team-a", "cpu"): 15,
        ("team-a", "nvidia.com/gpu"): 60,
    }


def asking_for(task: Task, requests: Mapping[str, str]) -> Task:
    return replace(task, requests=requests)


def test_a_namespace_has_few_resources_of_its_own_and_loses_none(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    held.add("team-a", made_up(1000, "1"), 10)
    held.add("team-a", {"cpu": "1", "memory": "1", "ephemeral-storage": "1"}, 10)
    counted = samples(registry, HELD)
    assert len(counted) == MAX_RESOURCES_OF_A_NAMESPACE + 1 + 3
    assert counted["team-a", "other"] == (1000 - MAX_RESOURCES_OF_A_NAMESPACE) * 10
    assert sum(counted.values()) == 1003 * 10


def test_a_namespace_of_made_up_resources_leaves_room_for_real_ones(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    held.add("team-a", made_up(1000, "1"), 10)
    held.add("team-b", {"nvidia.com/gpu": "1"}, 10)
    assert samples(registry, HELD)["team-b", "nvidia.com/gpu"] == 10


def test_all_namespaces_together_have_few_resources(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    for number in range(50):
        held.add(f"team-{number}", made_up(30, "1", f"of{number}"), 10)
    resources = {resource for _, resource in samples(registry, HELD)}
    assert len(resources) == MAX_RESOURCES + 1
    assert sum(samples(registry, HELD).values()) == 50 * 30 * 10


def test_no_amount_makes_the_sum_infinite(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    held.add("team-a", {"cpu": "9e999999"}, 10)
    held.add("team-a", {"cpu": "1"}, 10)
    assert samples(registry, HELD)["team-a", "cpu"] < 1e21


# Namespaces


def test_namespaces_beyond_the_bound_share_their_series(
    held: ResourceSeconds, registry: CollectorRegistry
) -> None:
    for number in range(3 * MAX_NAMESPACES):
        held.add(f"team-{number}", {"cpu": "1"}, 10)
    counted = samples(registry, HELD)
    assert len(counted) == MAX_NAMESPACES + 1
    assert counted[OTHER_NAMESPACES, "cpu"] == 2 * MAX_NAMESPACES * 10


def test_the_series_of_a_namespace_without_tasks_end_after_a_while(
    held: ResourceSeconds, registry: CollectorRegistry, seconds: Seconds
) -> None:
    for namespace in ("team-a", "team-b"):
        held.add(namespace, made_up(5, "1", namespace), 10)
    for _ in range(2):
        seconds.now += KEPT_SECONDS - 1
        held.retain({"team-b"})
        namespaces = {namespace for namespace, _ in samples(registry, HELD)}
        assert namespaces == ({"team-a", "team-b"} if seconds.now < KEPT_SECONDS else {"team-b"})


def test_namespaces_that_have_ended_make_room_for_others(
    held: ResourceSeconds, registry: CollectorRegistry, seconds: Seconds
) -> None:
    for number in range(MAX_NAMESPACES):
        held.add(f"team-{number}", made_up(1, "1", f"of{number}"), 10)
    seconds.now += KEPT_SECONDS
    held.retain(frozenset())
    assert samples(registry, HELD) == {}
    held.add("new", {"nvidia.com/gpu": "1"}, 10)
    assert samples(registry, HELD) == {("new", "nvidia.com/gpu"): 10}


def test_a_counter_begins_again_at_0(
    held: ResourceSeconds, registry: CollectorRegistry, seconds: Seconds
) -> None:
    held.add("team-a", {"cpu": "1"}, 10)
    seconds.now += KEPT_SECONDS
    held.retain(frozenset())
    held.add("team-a", {"cpu": "1"}, 5)
    assert samples(registry, HELD) == {("team-a", "cpu"): 5}


# Gauges


async def counted(store: Store, quota: QuotaQueue) -> Metrics:
    async def work(_: str) -> None: ...

    metrics = Metrics()
    metrics.add_census(Census(store, quota, WorkQueue(work, 1), lambda: True))
    await metrics.count()
    return metrics


async def test_reasons_that_are_not_ours_share_one_series(store: Store) -> None:
    quota = QuotaQueue(lambda _: None, lambda _: 0)
    for number in range(1000):
        status = {"phase": "Failed", "reason": f"Made{number}", "attempts": 1}
        store.record_task(task_body(number, uid=f"f{number}", status=status), is_certain=True)
        status = {"phase": "Pending", "reason": f"Made{number}"}
        store.record_task(task_body(number, uid=f"p{number}", status=status), is_certain=True)
    metrics = await counted(store, quota)
    assert samples(metrics.registry, "mltask_tasks") == {
        ("Failed", "other"): 1000,
        ("Pending", "other"): 1000,
    }


async def test_the_namespaces_with_the_most_waiting_tasks_are_shown(store: Store) -> None:
    quota = QuotaQueue(lambda _: None, lambda _: 0)
    for number in range(MAX_NAMESPACES + 10):
        body = task_body(uid=f"u{number}")
        body["metadata"]["namespace"] = f"team-{number}"
        store.record_task(body, is_certain=True)
    body = task_body(uid="second")
    body["metadata"]["namespace"] = f"team-{MAX_NAMESPACES + 9}"
    store.record_task(body, is_certain=True)
    for task in store.tasks():
        quota.park(task)
    metrics = await counted(store, quota)
    waiting = samples(metrics.registry, "mltask_tasks_waiting_for_quota")
    assert len(waiting) == MAX_NAMESPACES + 1
    assert waiting[f"team-{MAX_NAMESPACES + 9}",] == 2
    assert waiting[OTHER_NAMESPACES,] == 10


# Requests, and objects that were set aside


def test_codes_that_http_does_not_know_share_one_series() -> None:
    metrics = Metrics()
    for code in (200, 404, None, *range(600, 1000)):
        metrics.note_request("GET", code, 0.1)
    requests = samples(metrics.registry, "mltask_operator_api_requests_total")
    assert requests == {
        ("GET", "200"): 1,
        ("GET", "404"): 1,
        ("GET", "none"): 1,
        ("GET", "other"): 400,
    }


def test_objects_set_aside_are_counted_by_kind() -> None:
    metrics = Metrics()
    metrics.note_set_aside("Pod")
    with pytest.raises(ValueError, match="Secret"):
        metrics.note_set_aside("Secret")
    aside = samples(metrics.registry, "mltask_operator_objects_set_aside_total")
    assert aside == {(kind,): float(kind == "Pod") for kind in SET_ASIDE_KINDS}
