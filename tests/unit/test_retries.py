"""When the next attempt may begin: after a backoff that doubles, or a short pause."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.api.failures import LONGEST_BACKOFF_SECONDS
from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.retries import backoff
from mltask_operator.lifecycle.rules import Rules
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import ago, ended, seconds, terminated
from tests.unit.statuses import after_attempts, disrupted_before, failed_before, rejected_before

RETRIED = a_task().with_rules(backoff_limit=100)

TABLE = [
    # Failures
    ("a failed attempt is tried again", RETRIED.with_pod(ended(1)), "write Pending, BackingOff"),
    ("but not before its Pod is gone", RETRIED.with_status(failed_before()).with_pod(ended(1)),
     "delete Pod"),
    ("and then ten seconds after its end", RETRIED.with_status(failed_before(1, 0)), "wait 10 s"),
    ("however late that is seen", RETRIED.with_status(failed_before(1, 4)), "wait 6 s"),
    ("then it begins", RETRIED.with_status(failed_before(1, 10)), "create attempt 2"),
    ("the second wait is twice as long", RETRIED.with_status(failed_before(2, 0)), "wait 20 s"),
    ("the third twice that", RETRIED.with_status(failed_before(3, 0)), "wait 40 s"),
    ("up to ten minutes", RETRIED.with_status(failed_before(7, 0)), "wait 600 s"),
    ("and no longer", RETRIED.with_status(failed_before(99, 0)), "wait 600 s"),
    (
        "the spec may say otherwise",
        RETRIED.with_rules(backoff_base=seconds(1), backoff_max=seconds(3)).with_status(
            failed_before(2, 0)
        ),
        "wait 2 s",
    ),
    (
        "and its longest wait holds too",
        RETRIED.with_rules(backoff_base=seconds(1), backoff_max=seconds(3)).with_status(
            failed_before(3, 0)
        ),
        "wait 3 s",
    ),
    # Disruptions
    ("a disruption costs a second", a_task().with_status(disrupted_before(1, 0)), "wait 1 s"),
    ("the hundredth too", a_task().with_status(disrupted_before(100, 0)), "wait 1 s"),
    ("and no more", a_task().with_status(disrupted_before(100, 1)), "create attempt 101"),
    ("a rejection by a node costs ten", a_task().with_status(rejected_before(1, 0)), "wait 10 s"),
    ("the hundredth too", a_task().with_status(rejected_before(100, 0)), "wait 10 s"),
    ("and no more", a_task().with_status(rejected_before(100, 10)), "create attempt 101"),
    # Others
    (
        "more memory costs a second",
        a_task().with_status(after_attempts(Reason.MEMORY_INCREASED, seconds=0)),
        "wait 1 s",
    ),
    (
        "so does an attempt that a rule ignores",
        a_task().with_status(after_attempts(Reason.ATTEMPT_IGNORED, seconds=0)),
        "wait 1 s",
    ),
    (
        "the steps after a failed one follow at once",
        a_task().with_status(after_attempts(Reason.STEP_FAILED, seconds=0)),
        "create attempt 2",
    ),
    # Clocks
    (
        "what a clock far ahead of ours has written delays nothing",
        RETRIED.with_status(failed_before(1, -3600)),
        "create attempt 2",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


def test_the_wait_goes_on_where_an_operator_that_restarts_finds_it() -> None:
    # Nothing but status and the clock decides: no timer has to live on.
    seen = RETRIED.with_status(failed_before(2, 0))
    assert decided(seen, seconds_later=19) == "wait 1 s"
    assert decided(seen, seconds_later=20) == "create attempt 3"


@pytest.mark.parametrize("ahead", [0.5, 5, 3600])
def test_a_nodes_clock_that_is_ahead_changes_no_wait(ahead: float) -> None:
    failed = terminated("main", 1, finished_at=ago(-ahead))
    status = written(RETRIED.with_pod(ended(1, containers=(failed,))))
    assert decided(RETRIED.with_status(status)) == "wait 10 s"


backoffs = st.integers(1, LONGEST_BACKOFF_SECONDS)


@given(base=backoffs, longest=backoffs, failures=st.integers(0, 2**31))
def test_backoff_never_shrinks_and_never_exceeds_its_bounds(
    base: int, longest: int, failures: int
) -> None:
    rules = Rules(
        backoff_base=timedelta(seconds=base), backoff_max=timedelta(seconds=max(base, longest))
    )
    wait = backoff(rules, failures)
    assert rules.backoff_base <= wait <= rules.backoff_max
    assert wait <= backoff(rules, failures + 1) <= 2 * wait


@given(base=backoffs)
def test_backoff_comes_to_its_longest(base: int) -> None:
    rules = Rules(
        backoff_base=timedelta(seconds=base),
        backoff_max=timedelta(seconds=LONGEST_BACKOFF_SECONDS),
    )
    assert backoff(rules, 100) == rules.backoff_max
