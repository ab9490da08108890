"""Which records the log drops when there are too many, and what it says about them."""

import logging
import time

import pytest

from mltask_operator.logs import configure_logging
from mltask_operator.logs.limits import MOST_COUNTED, PERIOD, RateLimit, TokenBuckets

SITES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
"""Lines of the code, each with a statement that logs."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(clock)


def a_record(level: int = logging.WARNING, site: int = 1, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("mltask_operator.tasks", level, "a.py", site, "text", None, None)
    record.__dict__.update(fields)
    return record


def passed(limit: RateLimit, count: int, record: logging.LogRecord) -> int:
    return sum(limit.filter(record) for _ in range(count))


def test_a_burst_of_tasks_loses_no_line(limit: RateLimit) -> None:
    """As in a benchmark: thousands of tasks of one namespace within a second, 10 lines each."""
    for number in range(10_000):
        line = a_record(logging.INFO, namespace="a", task=f"t{number}")
        assert passed(limit, 10, line) == 10
    assert limit.reports(is_last=True) == []


def test_a_task_in_a_loop_is_limited_and_no_other(limit: RateLimit, clock: Clock) -> None:
    toggled = a_record(logging.INFO, namespace="a", task="toggled")
    assert passed(limit, 1000, toggled) == 30
    assert passed(limit, 1, a_record(logging.INFO, namespace="a", task="other")) == 1
    assert passed(limit, 1, a_record(logging.INFO, namespace="b", task="toggled")) == 1
    clock.now += 60
    assert passed(limit, 1000, toggled) == 12


def test_repeated_warnings_are_limited_for_each_namespace_and_statement(
    limit: RateLimit, clock: Clock
) -> None:
    assert passed(limit, 1000, a_record(namespace="a")) == 10
    assert passed(limit, 1000, a_record(namespace="a", site=2)) == 10
    assert passed(limit, 1000, a_record(namespace="b")) == 10
    clock.now += 60
    assert passed(limit, 1000, a_record(namespace="a")) == 10


def test_all_warnings_of_a_namespace_together_are_limited(limit: RateLimit) -> None:
    assert sum(passed(limit, 10, a_record(namespace="a", site=site)) for site in SITES) == 60
    assert passed(limit, 10, a_record(namespace="b")) == 10


def test_a_thousand_flooding_namespaces_cost_another_one_and_the_operator_nothing(
    limit: RateLimit,
) -> None:
    for number in range(1000):
        passed(limit, 20, a_record(namespace=f"team-{number}"))
    assert passed(limit, 1, a_record(namespace="quiet")) == 1
    assert passed(limit, 1, a_record(logging.INFO)) == 1


def test_the_operators_own_lines_are_limited_only_where_they_repeat(limit: RateLimit) -> None:
    assert passed(limit, 1000, a_record()) == 10
    for site in range(2, 500):
        assert passed(limit, 1, a_record(logging.INFO, site)) == 1


def test_debug_is_not_limited(limit: RateLimit) -> None:
    assert passed(limit, 1000, a_record(logging.DEBUG, namespace="a", task="t")) == 1000


def test_an_object_that_kopf_logs_about_has_a_namespace(limit: RateLimit) -> None:
    assert passed(limit, 50, a_record(k8s_ref={"namespace": "a", "name": "t"})) == 10
    assert passed(limit, 50, a_record(k8s_ref={"namespace": "b", "name": "t"})) == 10
    assert passed(limit, 50, a_record(namespace=["not", "text"])) == 10


def test_what_was_dropped_is_reported_once_in_a_period(limit: RateLimit, clock: Clock) -> None:
    passed(limit, 110, a_record(namespace="a"))
    passed(limit, 30, a_record())
    assert limit.reports() == []
    clock.now += PERIOD
    assert limit.reports() == [
        ("dropped 100 log records of namespace a in the last 60 s", "a"),
        ("dropped 20 log records of logger mltask_operator.tasks in the last 60 s", None),
    ]
    assert limit.reports(is_last=True) == []
    passed(limit, 11, a_record(namespace="a"))
    assert len(limit.reports(is_last=True)) == 1, "as the process ends, at once"


def test_memory_is_bounded(limit: RateLimit) -> None:
    for number in range(3 * MOST_COUNTED):
        passed(limit, 11, a_record(namespace=f"team-{number}"))
    reports = limit.reports(is_last=True)
    assert len(reports) == MOST_COUNTED + 1
    assert reports[-1][0].startswith(f"dropped {2 * MOST_COUNTED} log records of further sources")


def test_a_bucket_refills_up_to_its_burst() -> None:
    buckets = TokenBuckets(burst=2, per_second=1, most=2)
    assert [buckets.take("a", 0) for _ in range(3)] == [True, True, False]
    assert [buckets.take("a", 100) for _ in range(3)] == [True, True, False]
    assert [buckets.take("a", 100.5) for _ in range(2)] == [False, False]
    assert buckets.take("a", 101)


def test_the_bucket_that_was_not_used_for_the_longest_time_is_forgotten() -> None:
    buckets = TokenBuckets(burst=1, per_second=0, most=2)
    assert buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("c", 0)
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0), "it was forgotten"


@pytest.mark.usefixtures("logging_as_before")
def test_a_flood_is_short_in_the_log_and_its_end_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("plain", "info")
    logger = logging.getLogger("mltask_operator.tasks")
    for _ in range(1000):
        logger.warning("failed", extra={"namespace": "team-a"})
    logger.warning("failed", extra={"namespace": "team-b"})
    for handler in logging.getLogger().handlers:
        handler.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 12
    assert " WARNING dropped 990 log records of namespace team-a in the last " in lines[-1]


def test_a_record_costs_microseconds(limit: RateLimit) -> None:
    records = [a_record(logging.INFO, namespace="a", task=f"t{n}") for n in range(5000)]
    began = time.process_time()
    for record in records:
        limit.filter(record)
    each = (time.process_time() - began) / len(records)
    assert each < 100e-6, "it is a few; a busy machine fails no test"
