"""The benchmark of throughput with few tasks (make bench-smoke): it runs, and its counts hold."""

import asyncio
import shutil
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.throughput import report
from benchmarks.throughput.measure import measure
from benchmarks.throughput.results import Plan, Results
from benchmarks.throughput.targets import counted
from localcluster import Cluster

pytestmark = pytest.mark.api

PLAN = Plan(tasks=100, rounds=1, most=100, steady_seconds=3)


@pytest.fixture(scope="module")
def results() -> Results:
    """What was measured."""
    with Cluster.start(real_node=False) as cluster:
        return asyncio.run(measure(cluster, PLAN))


def test_what_does_not_depend_on_the_speed_of_the_machine_holds(results: Results) -> None:
    assert [target for target in counted(results) if not target.is_met] == []


def test_every_contestant_has_run_every_task(results: Results) -> None:
    assert results.contestants == ["bare Pods", "Job", "MLTask"]
    for each in [*results.rounds, results.job_as_shipped]:
        assert each.allocations == each.releases == each.tasks


def test_who_asked_what_of_the_api_server_is_told_by_component(results: Results) -> None:
    [pods], [job], [task] = map(results.of, results.contestants)
    assert pods.writes == 2
    assert job.writes_by["job-controller"] > 1
    assert task.writes_by["operator"] == task.writes
    for each in (pods, job, task):
        assert each.writes_by["kube-scheduler"] >= 1
        assert each.writes_by["kubernetes-admin"] >= 1


def test_each_process_has_taken_time_and_memory(results: Results) -> None:
    [task] = results.of("MLTask")
    assert {"operator", "kube-apiserver", "etcd"} <= set(task.cpu_ms)
    assert min(*task.cpu_ms.values(), *task.peak_mb.values()) > 0


def test_the_report_is_written(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    shutil.copy(page.PAGE, path)
    report.write(results, path)
    assert report.targets_table(results) in path.read_text()
    assert list((tmp_path / "pictures").iterdir())
