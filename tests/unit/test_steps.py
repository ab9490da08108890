"""Steps that share a Pod: how far each is, and which of them are left after the Pod's end."""

from typing import Any

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import StepPhase, StepStatus
from mltask_operator.lifecycle import steps
from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import written
from tests.unit.pods import (
    NOW,
    a_pod,
    ago,
    of_steps,
    out_of_memory,
    running,
    runs,
    terminated,
    told_to_end,
    waits,
)
from tests.unit.statuses import (
    after_attempts,
    broken,
    disrupted_before,
    done,
    status,
    step,
)

STOP = a_task().of_steps("a", "b", "c")
CONTINUE = STOP.with_rules(goes_on_after_failed_step=True)
RETRIED = STOP.with_rules(backoff_limit=1)


def phases(found: tuple[StepStatus, ...]) -> str:
    """Return the phases of all steps in their order, for example `Succeeded Running Pending`."""
    return " ".join(step.phase for step in found)


def after(seen: TaskBuilder, *containers: Container, **changes: Any) -> str:
    return phases(written(seen.with_pod(of_steps(*containers, **changes))).steps)


# While the Pod runs


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ((waits("a"), waits("b"), waits("c")), "Pending Pending Pending"),
        ((runs("a"), waits("b"), waits("c")), "Running Pending Pending"),
        ((terminated("a", 0), waits("b"), waits("c")), "Succeeded Pending Pending"),
        ((terminated("a", 0), runs("b"), waits("c")), "Succeeded Running Pending"),
        ((terminated("a", 0), terminated("b", 0), runs("c")), "Succeeded Succeeded Running"),
        ((terminated("a", 1), waits("b"), waits("c")), "Running Pending Pending"),
    ],
    ids=["nothing", "first", "between", "second", "last", "failed, which its Pod has yet to say"],
)
def test_under_way(containers: tuple[Container, ...], expected: str) -> None:
    pod = of_steps(*containers, phase=PodPhase.PENDING)
    assert phases(steps.under_way(STOP.task, pod)) == expected


def test_what_ended_in_an_earlier_pod_is_kept_as_it_was() -> None:
    task = CONTINUE.with_status(status(steps=(done("a"), broken("b"), step("c")))).task
    assert steps.under_way(task, of_steps(runs("c"))) == (
        done("a"),
        broken("b"),
        step("c", StepPhase.RUNNING, start_time=ago(30)),
    )


def test_a_step_that_has_ended_shows_its_evidence_while_others_run() -> None:
    ended = terminated("a", 0, message="loss 0.1")
    [first, *_] = steps.under_way(STOP.task, of_steps(ended, runs("b"), waits("c")))
    assert first == StepStatus(
        name="a",
        phase=StepPhase.SUCCEEDED,
        exit_code=0,
        start_time=ago(30),
        completion_time=ago(10),
        result="loss 0.1",
    )


def test_a_pod_of_which_the_kubelet_says_nothing_yet_has_no_step_begun() -> None:
    assert phases(steps.under_way(STOP.task, a_pod())) == "Pending Pending Pending"
    assert not steps.has_started(STOP.task, a_pod())


def test_a_pod_that_runs_without_a_word_on_its_containers_has_started() -> None:
    assert steps.has_started(STOP.task, running(containers=()))


# After its end


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (STOP, "Succeeded Failed Skipped"),
        (CONTINUE, "Succeeded Failed Pending"),
        (RETRIED, "Succeeded Pending Pending"),
    ],
    ids=["Stop", "Continue", "with a retry left"],
)
def test_after_a_failure(seen: TaskBuilder, expected: str) -> None:
    assert after(seen, terminated("a", 0), terminated("b", 3), waits("c")) == expected


def test_after_a_success() -> None:
    containers = [terminated(name, 0) for name in "abc"]
    assert after(STOP, *containers) == "Succeeded Succeeded Succeeded"


def test_each_failed_step_is_a_failure_of_an_attempt() -> None:
    pod = of_steps(terminated("b", 1), waits("c"), attempt=2)
    before = after_attempts(Reason.STEP_FAILED).model_copy(
        update={"failures": 1, "steps": (broken("a"), step("b"), step("c"))}
    )
    told = written(CONTINUE.with_status(before).with_pod(pod))
    assert (told.phase, told.reason, told.failures) == ("Pending", "StepFailed", 2)


def test_the_last_of_the_steps_that_fails_leaves_none_to_run() -> None:
    before = status(steps=(broken("a"), done("b"), step("c")))
    assert after(CONTINUE.with_status(before), terminated("c", 1)) == "Failed Succeeded Failed"


def test_a_failed_step_shows_its_evidence() -> None:
    pod = of_steps(terminated("a", 3, message="no data"), waits("b"), waits("c"))
    [first, *_] = written(CONTINUE.with_pod(pod)).steps
    assert first == StepStatus(
        name="a",
        phase=StepPhase.FAILED,
        exit_code=3,
        start_time=ago(30),
        completion_time=ago(10),
        reason="ContainerFailed",
        result="no data",
    )


def test_a_step_that_is_to_run_again_shows_why() -> None:
    pod = of_steps(out_of_memory("a"), waits("b"), waits("c"))
    [first, *_] = written(RETRIED.with_pod(pod)).steps
    assert (first.phase, first.reason, first.exit_code) == ("Pending", "OOMKilled", 137)


def test_a_template_that_fails_before_its_first_step_fails_that() -> None:
    pod = of_steps(
        waits("a"), waits("b"), waits("c"), phase=PodPhase.FAILED, reason="DeadlineExceeded"
    )
    [first, *others] = written(STOP.with_pod(pod)).steps
    assert (first.phase, first.reason, first.exit_code) == ("Failed", "DeadlineExceeded", None)
    assert phases(tuple(others)) == "Skipped Skipped"


def test_a_step_is_called_by_its_name() -> None:
    told = written(STOP.with_pod(of_steps(terminated("a", 3), waits("b"), waits("c"))))
    assert told.message == "container a ended with exit code 3"


def test_a_step_that_failed_speaks_before_one_in_which_a_child_was_killed() -> None:
    pod = of_steps(out_of_memory("a", exit_code=0), terminated("b", 3), waits("c"))
    ending = how_it_ended(pod, NOW, ("a", "b", "c"))
    assert ending is not None
    assert (ending.reason, ending.exit_code) == ("ContainerFailed", 3)


# What is left


def test_the_next_pod_has_the_steps_that_have_no_end() -> None:
    assert steps.remaining(STOP.task) == ("a", "b", "c")
    failed = status(steps=(done("a"), broken("b"), step("c", StepPhase.RUNNING)))
    assert steps.remaining(CONTINUE.with_status(failed).task) == ("c",)


def test_a_task_without_steps_has_none() -> None:
    assert steps.container_names(a_task().task) == ("main",)
    assert steps.remaining(a_task().task) == ()
    assert written(a_task().with_pod(running())).steps == ()
    assert written(a_task().with_status(disrupted_before()).with_pod(running(2))).steps == ()


def pods_of(seen: TaskBuilder, *pods: Pod) -> str:
    for pod in pods:
        seen = seen.with_status(written(seen.with_pod(pod)))
    return phases(seen.status.steps)


def test_steps_over_several_pods() -> None:
    assert (
        pods_of(
            CONTINUE,
            of_steps(terminated("a", 1), waits("b"), waits("c")),
            of_steps(terminated("b", 143), waits("c"), attempt=2, **told_to_end(10)),
            of_steps(terminated("b", 0), terminated("c", 0), attempt=3),
        )
        == "Failed Succeeded Succeeded"
    )
