"""Steps whose Pod was disrupted: which have done their work, and which run again.

A program that ends in order on SIGTERM has not done its work, whatever its exit code.
"""

from typing import Any

import pytest

from mltask_operator.api.status import StepStatus
from mltask_operator.lifecycle.observed import Container, PodPhase
from mltask_operator.lifecycle.rules import ExitCodes, FailureAction, FailureRule, packed
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import written
from tests.unit.pods import (
    ago,
    of_steps,
    runs,
    terminated,
    told_to_end,
    waits,
)
from tests.unit.statuses import (
    broken,
    done,
    running_status,
    status,
    step,
)

STOP = a_task().of_steps("a", "b", "c")
CONTINUE = STOP.with_rules(goes_on_after_failed_step=True)
EVICTED: dict[str, Any] = {"disruption": "EvictionByEvictionAPI"}
BY_FORCE: dict[str, Any] = {"phase": PodPhase.PENDING, **told_to_end(60, grace_seconds=0)}


def phases(found: tuple[StepStatus, ...]) -> str:
    """Return the phases of all steps in their order, for example `Succeeded Running Pending`."""
    return " ".join(step.phase for step in found)


def after(seen: TaskBuilder, *containers: Container, **changes: Any) -> str:
    return phases(written(seen.with_pod(of_steps(*containers, **changes))).steps)


@pytest.mark.parametrize(
    ("containers", "changes", "expected"),
    [
        (
            (terminated("a", 0), terminated("b", 143), waits("c")),
            EVICTED,
            "Succeeded Pending Pending",
        ),
        (
            (terminated("a", 0), terminated("b", 0, finished_at=ago(5)), waits("c")),
            told_to_end(10),
            "Succeeded Pending Pending",
        ),
        (
            (terminated("a", 0), waits("b"), waits("c")),
            {**EVICTED, "disrupted_at": ago(5)},
            "Succeeded Pending Pending",
        ),
        (
            (terminated("a", 0), waits("b"), waits("c")),
            {**EVICTED, "disrupted_at": ago(10)},
            "Pending Pending Pending",
        ),
        (
            (terminated("a", 0, finished_at=ago(11)), waits("b"), waits("c")),
            told_to_end(10),
            "Succeeded Pending Pending",
        ),
        (
            (terminated("a", 0, finished_at=ago(11)), waits("b"), waits("c")),
            {**told_to_end(10), "was_told_to_end": True},
            "Pending Pending Pending",
        ),
        (
            (terminated("a", 0, finished_at=None), waits("b"), waits("c")),
            told_to_end(10),
            "Pending Pending Pending",
        ),
        (
            (terminated("a", 0), waits("b"), waits("c")),
            EVICTED,
            "Pending Pending Pending",
        ),
        (
            (terminated("a", 0), runs("b"), waits("c")),
            BY_FORCE,
            "Succeeded Pending Pending",
        ),
        (
            (runs("a"), waits("b"), waits("c")),
            BY_FORCE,
            "Pending Pending Pending",
        ),
    ],
    ids=[
        "one after it has begun",
        "the last that began, ended in order on SIGTERM",
        "ended before the disruption, with none begun after it",
        "ended in the very second of the disruption",
        "ended before the order to end",
        "seen being told to end before it ended, whatever its node's clock says",
        "at a time that nobody knows",
        "disrupted at a time that nobody knows",
        "given up with its node, one after it having begun",
        "given up with its node",
    ],
)
def test_after_a_disruption(
    containers: tuple[Container, ...], changes: dict[str, Any], expected: str
) -> None:
    assert after(STOP, *containers, **{"phase": PodPhase.FAILED, **changes}) == expected


def test_the_disruption_of_the_last_step_lets_it_alone_run_again() -> None:
    before = status(steps=(done("a"), done("b"), step("c")))
    seen = STOP.with_status(before)
    assert after(seen, terminated("c", 0), **told_to_end(10)) == "Succeeded Succeeded Pending"


def test_a_step_that_was_told_to_have_ended_never_runs_again_whatever_its_pod_says() -> None:
    before = running_status(steps=(done("a"), step("b"), step("c")))
    pod = of_steps(
        terminated("a", 0),
        waits("b"),
        waits("c"),
        phase=PodPhase.FAILED,
        **told_to_end(10),
        was_told_to_end=True,
    )
    [first, *_] = written(STOP.with_status(before).with_pod(pod)).steps
    assert first == done("a")


def test_a_disruption_when_no_step_is_left_is_no_failure() -> None:
    before = running_status(steps=(done("a"), done("b"), done("c")))
    told = written(
        STOP.with_status(before).with_pod(of_steps(terminated("proxy", 143), **told_to_end(10)))
    )
    assert (told.phase, told.failures, told.disruptions) == ("Succeeded", 0, 0)


def test_a_last_attempt_that_goes_well_is_no_failure_though_the_task_has_failed() -> None:
    before = status(failures=1, steps=(broken("a"), done("b"), step("c")))
    told = written(CONTINUE.with_status(before).with_pod(of_steps(terminated("c", 0))))
    assert (told.phase, told.reason, told.failures) == ("Failed", "StepFailed", 1)


def test_a_disruption_that_counts_fails_the_step_that_ran() -> None:
    count = FailureRule(
        action=FailureAction.COUNT, exit_codes=ExitCodes(are_in=True, values=packed({137}))
    )
    seen = CONTINUE.with_rules(failure_policy=(count,))
    containers = (terminated("a", 0), terminated("b", 137), waits("c"))
    assert after(seen, *containers, **EVICTED) == "Succeeded Failed Pending"
    assert after(STOP.with_rules(failure_policy=(count,)), *containers, **EVICTED) == (
        "Succeeded Failed Skipped"
    )
