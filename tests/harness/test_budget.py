"""A layer that uses more CPU time than its budget fails the run."""

from tests.harness.budget import CPU_SECONDS, over_budget
from tests.harness.costs import Cost

ALLOWED = CPU_SECONDS["unit"]


def test_a_layer_within_its_budget_is_not_reported() -> None:
    assert list(over_budget([Cost("test", "tests/unit/test_a.py::test_a", 9e9, ALLOWED)], 1)) == []


def test_a_layer_over_its_budget_is_reported_with_its_slowest_tests() -> None:
    quick = Cost("test", "tests/unit/test_a.py::test_quick", 0, 1)
    slow = Cost("test", "tests/unit/test_a.py::test_slow", 0, ALLOWED)
    told, first, second = over_budget([quick, slow], 1)
    assert told.startswith(f"unit used {ALLOWED + 1} s of CPU time")
    assert first.endswith("test_slow")
    assert second.endswith("test_quick")


def test_a_slow_machine_may_use_more() -> None:
    assert list(over_budget([Cost("test", "tests/unit/t.py::t", 0, 1.9 * ALLOWED)], 2)) == []


def test_fixtures_do_not_count_twice() -> None:
    costs = [Cost(kind, "tests/unit/t.py::t", 0, ALLOWED) for kind in ("test", "module")]
    assert list(over_budget(costs, 1)) == []


def test_shared_control_planes_have_a_budget() -> None:
    of_cluster = Cost("cluster", "shared", 0, CPU_SECONDS["control planes"] + 1)
    assert "control planes used" in next(over_budget([of_cluster], 1))
