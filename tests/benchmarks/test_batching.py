"""What the benchmark of batching applies, and what it tells."""

from benchmarks.batching import Row, mltasks, table

REQUESTS = {"cpu": "100m"}


def test_no_task_is_left_out_or_run_twice() -> None:
    manifests = list(mltasks(10, 4, REQUESTS))
    assert [len(each["spec"]["steps"]) for each in manifests] == [4, 4, 2]
    assert len({each["metadata"]["name"] for each in manifests}) == 3


def test_a_task_by_itself_is_no_step() -> None:
    manifests = list(mltasks(2, 1, REQUESTS))
    assert ["steps" in each["spec"] for each in manifests] == [False, False]
    assert all("command" in each["spec"] for each in manifests)


def test_the_table_is_markdown() -> None:
    row = Row(
        requests="100m CPU each",
        steps_per_mltask=50,
        mltasks=2,
        allocations=2,
        writes_of_operator=31,
        writes_of_all=297,
        held_seconds=106,
        wall_seconds=109.5,
    )
    heading, rule, line = table([row]).splitlines()
    assert heading.count("|") == rule.count("|") == line.count("|")
    assert line == "| 100m CPU each | 50 | 2 | 2 | 31 | 297 | 106 s | 110 s |"
