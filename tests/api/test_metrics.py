"""What /metrics says of tasks that have succeeded, failed, were disrupted and wait for quota."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.monitored import Site, monitored, see_every_kind
from tests.api.scrape import Scrape

CPUS = 0.1
"""What each task of a team requests."""


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Both replicas, after one of them has seen to a task of each kind."""
    logs = tmp_path_factory.mktemp("operators")
    with monitored(cluster, operator_kubeconfig, logs) as started:
        see_every_kind(started.team)
        yield started


@pytest.fixture
def leader(site: Site) -> Scrape:
    return Scrape(site.ports[0])


def test_tasks_by_phase_and_reason(leader: Scrape, site: Site) -> None:
    assert leader.by("mltask_tasks", "phase", "reason") == {
        ("Succeeded", "Completed"): 1,
        ("Failed", "ContainerFailed"): 1,
        ("Running", ""): 1,
        ("Pending", "QuotaExceeded"): 1,
    }
    waiting = leader.by("mltask_tasks_waiting_for_quota", "namespace")
    assert waiting == {(site.team.namespace,): 1}


def test_attempts_and_outcomes(leader: Scrape) -> None:
    assert leader.by("mltask_attempts_total", "reason") == {
        ("Completed",): 1,
        ("ContainerFailed",): 1,
        ("PodEvicted",): 1,
    }
    assert leader.by("mltask_disruptions_total", "reason") == {("PodEvicted",): 1}
    assert leader.by("mltask_tasks_finished_total", "phase", "reason") == {
        ("Succeeded", "Completed"): 1,
        ("Failed", "ContainerFailed"): 1,
    }


def test_latencies(leader: Scrape) -> None:
    # Of the first attempts; and of the Pods that ended by themselves.
    assert leader("mltask_allocation_latency_seconds_count") == 3
    assert leader("mltask_release_latency_seconds_count") >= 2
    for name in ("allocation", "release"):
        total = leader(f"mltask_{name}_latency_seconds_sum")
        assert total / leader(f"mltask_{name}_latency_seconds_count") < 10


def test_allocated_resources_are_those_of_the_statuses(leader: Scrape, site: Site) -> None:
    tasks = [site.team.status(name) for name in ("good", "bad", "evicted")]
    held = sum(task["allocation"]["seconds"] for task in tasks)
    assert held >= 2
    booked = leader.by("mltask_allocated_resource_seconds_total", "namespace", "resource")
    assert booked == {(site.team.namespace, "cpu"): pytest.approx(held * CPUS)}


def test_the_operator_itself(leader: Scrape) -> None:
    requests = leader.by("mltask_operator_api_requests_total", "verb", "code")
    # The Pods of four attempts and what it asked at its start; the quota's refusal; finalizers.
    assert requests["POST", "201"] >= 4
    assert requests["POST", "403"] >= 1
    assert requests["PATCH", "200"] >= 6
    durations = leader("mltask_operator_api_request_duration_seconds_count")
    assert durations == sum(requests.values())
    assert leader("mltask_operator_reconcile_duration_seconds_count") > 4
    assert leader("mltask_operator_reconcile_errors_total") == 0
    assert leader("mltask_operator_queue_depth") == 0
    assert leader("process_resident_memory_bytes") > 2**20


def test_who_stands_by_serves_too_and_counts_no_work(site: Site) -> None:
    standby = Scrape(site.ports[1])
    assert standby.by("mltask_operator_leader") == {(): 0}
    assert standby.by("mltask_tasks", "phase") == {}
    assert standby("mltask_attempts_total") == 0
    assert standby("mltask_operator_api_requests_total", verb="GET") > 0
