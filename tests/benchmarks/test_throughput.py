"""What the benchmark of throughput makes of what it has measured."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.throughput import plots, report
from benchmarks.throughput.contestants import JOB
from benchmarks.throughput.figures import Figures, figures, middle, short, spread
from benchmarks.throughput.footprint import Footprint
from benchmarks.throughput.measure import counts
from benchmarks.throughput.results import Plan, Results
from benchmarks.throughput.rounds import Round
from benchmarks.throughput.targets import targets
from benchmarks.throughput.witness import Life
from benchmarks.writes import Write

CONTROLLER = "system:serviceaccount:kube-system:job-controller"


def some_figures(contestant: str = "MLTask", tasks: int = 1000, per_second: float = 50) -> Figures:
    return Figures(
        contestant=contestant,
        tasks=tasks,
        wall=tasks / per_second,
        to_pod_p50=0.5,
        to_pod_p99=1.0,
        to_gone_p50=0.1,
        to_gone_p99=0.2,
        allocations=tasks,
        releases=tasks,
        lasting=0.0,
        writes=4.0,
        reads=0.0,
        writes_by={"operator": 4.0, "kube-scheduler": 2.0},
        reads_by={"kube-scheduler": 0.001},
        cpu_ms={"operator": 2.5, "etcd": 5.0},
        peak_mb={"operator": 90.0, "etcd": 200.0},
    )


def some_results() -> Results:
    """Return results that meet every target."""
    job = replace(some_figures("Job", per_second=25), to_pod_p99=4.0, to_gone_p99=9.0)
    task = some_figures()
    return Results(
        machine={"cores": "2"},
        plan=Plan(tasks=1000, rounds=1, most=10_000, steady_seconds=60),
        rounds=[some_figures("bare Pods", per_second=100), job, task],
        job_as_shipped=replace(job, tasks=100, wall=30),
        within_a_second=some_figures(tasks=100),
        steady=some_figures(tasks=600),
        other_counts=[some_figures(tasks=count) for count in (10, 100, 3000, 10_000)],
        by_steps={steps: some_figures(tasks=500 // steps) for steps in (1, 10, 50)},
        kb_per_finished_task=2.0,
    )


def missed(results: Results) -> list[str]:
    return [target.what for target in targets(results) if not target.is_met]


def with_each_mltask(results: Results, change: Callable[[Figures], Figures]) -> Results:
    """Return the results with something else for the rounds of MLTasks in the contest."""
    rounds = [change(each) if each.contestant == "MLTask" else each for each in results.rounds]
    return replace(results, rounds=rounds)


def test_all_targets_can_be_met() -> None:
    assert missed(some_results()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: replace(f, to_pod_p99=2.0), "created → Pod, p99, as a share of Job's"),
        (lambda f: replace(f, to_gone_p99=4.5), "ended → gone, p99, as a share of Job's"),
        (lambda f: replace(f, writes=5.1), "writes per task"),
        (lambda f: replace(f, reads=1.0), "reads per task"),
        (lambda f: replace(f, allocations=1001), "allocations and releases of n MLTasks"),
        (lambda f: replace(f, releases=999), "allocations and releases of n MLTasks"),
    ],
)
def test_a_round_misses(change: Callable[[Figures], Figures], expected: str) -> None:
    assert missed(with_each_mltask(some_results(), change)) == [expected]


def test_a_slow_operator_misses() -> None:
    slow = with_each_mltask(some_results(), lambda f: replace(f, wall=f.tasks / 37))
    assert "throughput, as a multiple of Job's" in missed(slow)


def test_a_late_release_at_ten_a_second_misses() -> None:
    results = some_results()
    late = replace(results, steady=replace(results.steady, to_gone_p99=0.3))
    assert missed(late) == ["ended → gone at 10 tasks a second, p99"]


def test_memory_is_held_against_its_target_where_it_was_measured() -> None:
    name = "operator's memory per finished task"
    assert missed(replace(some_results(), kb_per_finished_task=4.1)) == [name]
    untold = replace(some_results(), kb_per_finished_task=None)
    assert name not in [target.what for target in targets(untold)]


def test_a_fifth_write_is_for_tasks_that_last() -> None:
    results = some_results()
    five = replace(results.within_a_second, writes=5.0)
    lasting = replace(five, lasting=1.0)
    assert missed(replace(results, within_a_second=five)) == [
        "writes per task that ends within a second"
    ]
    assert missed(replace(results, within_a_second=lasting)) == []


def test_steps_share_allocations() -> None:
    results = some_results()
    apart = {**results.by_steps, 10: some_figures(tasks=1000)}
    [target] = [each for each in targets(replace(results, by_steps=apart)) if not each.is_met]
    assert target.row == (
        "allocations of n tasks in MLTasks of 1, 10, 50 steps each",
        "1 of 3 runs are off",
        "n/b",
        "**missed**",
    )


def growing(exponent: float) -> Results:
    results = some_results()
    others = [replace(f, wall=20 * (f.tasks / 1000) ** exponent) for f in results.other_counts]
    return replace(results, other_counts=others)


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.2])
def test_the_exponent_is_found(exponent: float) -> None:
    assert growing(exponent).exponent == pytest.approx(exponent)


def test_what_is_not_linear_misses() -> None:
    assert missed(growing(1.2)) == [
        "exponent of wall time against n, from 1,000 on",
        "wall time per task, from 1,000 on",
    ]


def test_few_tasks_make_no_line() -> None:
    results = replace(some_results(), other_counts=[some_figures(tasks=10)])
    assert missed(results) == []
    assert not any("from 1,000 on" in target.what for target in targets(results))


def test_of_the_contest_the_middle_round_counts() -> None:
    results = some_results()
    rounds = [some_figures(per_second=rate) for rate in (10, 50, 55)]
    by_count = replace(results, rounds=rounds).by_count
    assert [f.tasks for f in by_count] == [10, 100, 1000, 3000, 10_000]
    assert by_count[2] == rounds[1]


def test_counts_end_with_the_most() -> None:
    assert list(counts(10_000)) == [10, 100, 1000, 3000, 10_000]
    assert list(counts(50)) == [10, 50]


def test_the_median_is_told_with_the_spread() -> None:
    rounds = [some_figures(per_second=rate) for rate in (50, 30, 40.04)]
    assert middle(rounds, lambda f: f.per_second) == pytest.approx(40.04)
    assert spread(rounds, lambda f: f.per_second) == "40.0 (30.0 to 50.0)"
    assert spread(rounds, lambda f: f.writes) == "4.00"


def test_numbers_are_short() -> None:
    assert [short(value) for value in (0, 0.054, 3.44, 58.06, 1234.5)] == [
        "0.00",
        "0.05",
        "3.44",
        "58.1",
        "1,234",
    ]


def test_figures_of_a_round() -> None:
    lives = [
        Life(asked=0, pod_seen=1, ended=1.5, gone=2, gone_pods={"a"}),
        Life(asked=0, pod_seen=3, ended=5, gone=6, gone_pods={"b"}),
    ]
    written = {
        Write("kubernetes-admin", "create", "jobs"): 2,
        Write(CONTROLLER, "create", "pods"): 3,
        Write(CONTROLLER, "patch", "pods"): 1,
        Write("system:kube-scheduler", "create", "pods/binding"): 2,
    }
    reads = {CONTROLLER: 1, "kwok": 4}
    played = Round(8.0, lives, written, reads, {"etcd": Footprint(0.5, 2048)})
    found = figures(JOB, played)
    assert (found.tasks, found.per_second) == (2, 0.25)
    assert (found.to_pod_p50, found.to_pod_p99) == (1, 3)
    assert (found.to_gone_p50, found.to_gone_p99) == (0.5, 1)
    assert (found.allocations, found.releases, found.lasting) == (3, 2, 0.5)
    assert (found.writes, found.reads) == (2, 0.5)
    assert found.writes_by == {"kubernetes-admin": 1, "job-controller": 2, "kube-scheduler": 1}
    assert found.reads_by == {"job-controller": 0.5, "kwok": 2}
    assert (found.cpu_ms, found.peak_mb) == ({"etcd": 250}, {"etcd": 2})


def test_requests_that_hardly_anybody_makes_are_left_out() -> None:
    head, _, *rows = report.requests_table(some_results()).splitlines()
    assert head.count("writes") == head.count("reads") == 3
    assert [row.split(" | ")[0] for row in rows] == [
        "| **its own components**",
        "| kube-scheduler",
        "| operator",
    ]


def test_the_page_has_room_for_every_table_and_shows_every_picture(tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    shutil.copy(page.PAGE, path)
    report.write(some_results(), path)
    text = path.read_text()
    assert "| throughput, as a multiple of Job's | 2.00 | at least 1.5 | met |" in text
    assert "| 10 of 50 | 10 | 10 |" in text
    for picture in (tmp_path / "pictures").iterdir():
        assert f"(pictures/{picture.name})" in text
    report.write(some_results(), path)
    assert path.read_text() == text


def test_pictures_of_the_same_results_are_the_same_and_small(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        plots.draw(some_results(), folder)
    for name in ("throughput.svg", "linear.svg"):
        drawn = (first / name).read_bytes()
        assert drawn == (second / name).read_bytes()
        assert len(drawn) < 40_000
