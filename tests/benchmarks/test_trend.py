"""What the soak makes of its samples, and of the audit log."""

from typing import Any

import pytest

from benchmarks import soak, trend
from benchmarks.inside import Sample
from benchmarks.latency import Times, times_of_tasks
from benchmarks.soak import Soak

Event = dict[str, Any]


def test_a_line_is_found_behind_a_warm_up() -> None:
    warm_up = [(float(x), 5000.0) for x in range(10)]
    line = trend.slope([*warm_up, *((float(x), 100.0 + 2 * x) for x in range(10, 100))])
    assert line.value == pytest.approx(2)
    assert line.error == pytest.approx(0, abs=1e-6)


def test_a_line_through_noise_is_unsure() -> None:
    line = trend.slope([(float(x), 1000.0 if x // 10 % 2 else 0.0) for x in range(100)])
    assert line.error > abs(line.value)
    assert line.at_most > line.value


def test_every_item_is_in_one_tenth() -> None:
    parts = trend.tenths(range(1003))
    assert [item for part in parts for item in part] == list(range(1003))
    assert {len(part) for part in parts} == {100, 101}


def test_percentiles() -> None:
    values = [float(number) for number in range(101)]
    assert (trend.percentile(50, values), trend.percentile(99, values)) == (50, 99)


def test_of_a_few_values_the_largest_is_the_99th_percentile() -> None:
    assert trend.percentile(99, [3.0]) == 3
    assert trend.percentile(99, [2.0, 3.0, 1.0]) == 3


def event(second: int, verb: str, resource: str, name: str, code: int = 200) -> Event:
    kind, _, subresource = resource.partition("/")
    target = {"resource": kind, "name": name, **({"subresource": subresource} if _ else {})}
    return {
        "verb": verb,
        "objectRef": target,
        "responseStatus": {"code": code},
        "stageTimestamp": f"1970-01-01T00:00:{second:02}.000000Z",
    }


def test_the_times_of_a_task_are_read_off_the_audit_log() -> None:
    pod = "soak-7-0a1b2c3d-1"
    events = [
        event(1, "create", "mltasks", "soak-7", 201),
        event(2, "create", "pods", pod, 409),
        event(3, "create", "pods", pod, 201),
        event(4, "patch", "pods/status", pod),
        event(5, "patch", "pods/status", pod),
        event(6, "delete", "pods", pod),
        event(8, "patch", "pods", pod),
        event(7, "delete", "pods", pod),
        event(9, "delete", "pods", pod, 404),
        event(9, "create", "mltasks", "soak-8", 201),
    ]
    assert times_of_tasks(events) == [Times(created=1, pod_created=3, ended=5, gone=8)]


def a_soak(*, grows_by: float = 0.0, slows_by: float = 0.0, entries_left: int = 0) -> Soak:
    """Return a run of 10,000 tasks, ten a second; it grows and slows by so much a second."""

    def sample(second: int, entries: int = 300) -> Sample:
        memory = 90_000 + grows_by * second
        return Sample(second, memory, memory, 12, 20, 40, entries, 0.0)

    times = [
        Times(n / 10, n / 10 + 1 + slows_by * n / 10, n / 10 + 3, n / 10 + 4) for n in range(10_000)
    ]
    during = [sample(second) for second in range(1, 1000)]
    return Soak(
        tasks=10_000,
        alive=300,
        is_kept=False,
        before=sample(0, 0),
        during=during,
        after=sample(1000, entries_left),
        times=times,
    )


def missed(seen: Soak) -> list[str]:
    return [check.figure.partition(":")[0] for check in soak.checks(seen) if not check.is_met]


def test_a_run_that_neither_grows_nor_slows_down_is_good() -> None:
    assert missed(a_soak()) == []


def test_a_run_that_grows_is_not() -> None:
    # A store entry for each task: 0.9 kB.
    assert missed(a_soak(grows_by=9)) == ["resident memory"]


def test_a_run_that_slows_down_is_not() -> None:
    assert missed(a_soak(slows_by=0.002)) == ["created → Pod, p50", "created → Pod, p99"]


def test_a_run_that_leaves_something_behind_is_not() -> None:
    assert missed(a_soak(entries_left=1)) == ["at rest"]
