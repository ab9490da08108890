"""Units of work, and the order in which workers get them."""

from tests.harness.schedule import unit_of


def test_a_file_is_a_unit() -> None:
    assert unit_of("tests/api/test_quota.py::test_a[b::c]") == "tests/api/test_quota.py"


def test_tests_that_share_a_node_are_one_unit() -> None:
    names = ("tests/e2e/kubelet/test_ends.py::test_a", "tests/e2e/test_under_load.py::test_b")
    assert {unit_of(name) for name in names} == {"node"}


def test_the_first_group_that_fits_counts() -> None:
    assert unit_of("tests/e2e/test_quick_start.py::test_a") == "quick start"
