"""When the next attempt may begin: after a backoff that doubles, or a short pause."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.api.failures import LONGEST_BACKOFF_SECONDS
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.retries import LONGEST_DISRUPTION_PAUSE, backoff
from mltask_operator.lifecycle.rules import Rules
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import ago, ended, seconds, terminated
from tests.unit.statuses import after_attempts, disrupted_before, failed_before, rejected_before


def mixed(*reasons: str, ran: tuple[float, ...] = ()) -> MLTaskStatus:
    """Return the status after attempts that ended for these reasons, the last one just now."""
    records = zip(
        disrupted_before(len(reasons), 0).history, reasons, ran or (0,) * len(reasons), strict=True
    )
    history = tuple(
        record.model_copy(update={"reason": reason, "start_time": ago(seconds)})
        for record, reason, seconds in records
    )
    return disrupted_before(len(reasons), 0).model_copy(update={"history": history})


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
    ("the hundredth too, after a long run", a_task().with_status(disrupted_before(100, 0, ran=60)),
     "wait 1 s"),
    ("and no longer", a_task().with_status(disrupted_before(100, 1, ran=60)), "create attempt 101"),
    ("after brief runs it doubles", a_task().with_status(disrupted_before(2, 0)), "wait 2 s"),
    ("with each of them", a_task().with_status(disrupted_before(5, 0, ran=59)), "wait 16 s"),
    ("up to five minutes", a_task().with_status(disrupted_before(100, 0)), "wait 300 s"),
    ("a rejection by a node costs ten", a_task().with_status(rejected_before(1, 0)), "wait 10 s"),
    ("so do the next ones", a_task().with_status(rejected_before(4, 0)), "wait 10 s"),
    ("and no longer", a_task().with_status(rejected_before(4, 10)), "create attempt 5"),
    ("then the pause grows too", a_task().with_status(rejected_before(100, 0)), "wait 300 s"),
    (
        "failures before it make no disruption's pause longer",
        RETRIED.with_status(mixed("ContainerFailed", "ContainerFailed", "PodEvicted")),
        "wait 1 s",
    ),
    (
        "nor do disruptions before one of a long run",
        a_task().with_status(mixed("PodEvicted", "PodDeleted", "NodeLost", ran=(0, 3600, 0))),
        "wait 1 s",
    ),
    (
        "different ones in a row do",
        a_task().with_status(mixed("PodEvicted", "PodDeleted", "NodeLost")),
        "wait 4 s",
    ),
    # Others
    (
        "however often it is suspended, a task resumes after a second",
        a_task().with_status(mixed(*["Suspended"] * 10)),
        "wait 1 s",
    ),
    (
        "more memory costs a second",
        a_task().with_status(after_attempts(Reason.MEMORY_INCREASED, seconds=0)),
        "wait 1 s",
    ),
    (
        "also the hundredth time",
        a_task().with_status(after_attempts(Reason.MEMORY_INCREASED, 100, seconds=0)),
        "wait 1 s",
    ),
    (
        "an attempt that a rule ignores costs a second",
        a_task().with_status(after_attempts(Reason.ATTEMPT_IGNORED, seconds=0)),
        "wait 1 s",
    ),
    (
        "and the next ones more",
        a_task().with_status(after_attempts(Reason.ATTEMPT_IGNORED, 4, seconds=0)),
        "wait 8 s",
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


def test_disruptions_at_each_start_cost_a_pod_in_five_minutes_at_the_most() -> None:
    seen, pods = a_task(), 0
    status, elapsed = MLTaskStatus(), timedelta(0)
    while elapsed < timedelta(hours=1):
        pods += 1
        attempt = status.attempts + 1
        killed = terminated("main", 143, finished_at=ago(0))
        evicted = ended(143, attempt, containers=(killed,), disruption="EvictionByEvictionAPI")
        status = written(seen.with_status(status).with_pod(evicted))
        wait = decided(seen.with_status(status))
        elapsed += timedelta(seconds=float(wait.split()[1]))
    assert status.disruptions == pods
    assert pods < 9 + timedelta(hours=1) / LONGEST_DISRUPTION_PAUSE
    assert status.message is not None
    assert "the next one follows 300 s after that" in status.message
