"""What the benchmark of batching applies, and what it tells."""

from dataclasses import replace

from benchmarks.batching import Row, medians, mltasks, table

REQUESTS = {"cpu": "100m"}


def test_no_task_is_left_out_or_run_twice() -> None:
    manifests = list(mltasks(10, 4, REQUESTS))
    assert [len(each["spec"]["steps"]) for each in manifests] == [4, 4, 2]
    assert len({each["metadata"]["name"] for each in manifests}) == 3


def test_a_task_by_itself_is_no_step() -> None:
    manifests = list(mltasks(2, 1, REQUESTS))
    assert ["steps" in each["spec"] for each in manifests] == [False, False]
    assert all("command" in each["spec"] for each in manifests)


ROW = Row(
    requests="100m CPU each",
    steps_per_mltask=50,
    mltasks=2,
    allocations=2,
    writes_of_operator=31,
    writes_of_all=297,
    held_seconds=106,
    wall_seconds=109.5,
)


def test_of_several_rounds_the_medians_are_told() -> None:
    other = replace(ROW, steps_per_mltask=1, wall_seconds=1.0)
    slow, fast = replace(ROW, wall_seconds=200.0), replace(ROW, wall_seconds=90.0)
    assert medians([ROW, other, slow, other, fast, other]) == [ROW, other]


def test_the_table_is_markdown() -> None:
    heading, rule, line = table([ROW]).splitlines()
    assert heading.count("|") == rule.count("|") == line.count("|")
    assert line == "| 100m CPU each | 50 | 2 | 2 | 31 | 297 | 106 s | 110 s |"
