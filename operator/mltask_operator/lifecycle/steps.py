"""Steps: several tasks that share one allocation, each in a container of its own.

A Pod holds the steps that have not ended yet, in order: all but the last are init containers,
which the kubelet runs one after another, and so the Pod's request is that of one of them.
"""

from collections.abc import Iterator
from datetime import datetime

from mltask_operator.api.names import MAIN_CONTAINER
from mltask_operator.api.status import StepPhase, StepStatus
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase, Task
from mltask_operator.lifecycle.work import ended_before_interruption


def container_names(task: Task) -> tuple[str, ...]:
    """Return the names of the containers that run the task: its steps, or main."""
    return task.rules.steps or (MAIN_CONTAINER,)


def remaining(task: Task) -> tuple[str, ...]:
    """Return the names of the steps that have no recorded end, in order."""
    ended = {step.name for step in task.status.steps if step.is_final}
    return tuple(name for name in task.rules.steps if name not in ended)


def has_started(task: Task, pod: Pod) -> bool:
    """Whether the task itself runs in the Pod, or ran: its container main, or a step."""
    return pod.phase is PodPhase.RUNNING or any(
        container.has_started for container in pod.named(container_names(task))
    )


def started_at(task: Task, pod: Pod) -> datetime | None:
    """Return when the task itself began to run in the Pod, if it did and the kubelet says so."""
    own = pod.named(container_names(task))
    return min((c.started_at for c in own if c.started_at), default=None)


def under_way(task: Task, pod: Pod) -> tuple[StepStatus, ...]:
    """Return how far the steps are while the Pod runs.

    A step that failed still counts as running: what that means for it is told with the Pod's end.
    """
    return tuple(_under_way(task, pod))


def _under_way(task: Task, pod: Pod) -> Iterator[StepStatus]:
    for step in _steps(task):
        container = pod.container(step.name)
        if step.is_final or container is None or not container.has_started:
            yield step if step.is_final else _pending(step.name)
        elif _is_done(task, pod, container, is_disrupted=pod.is_being_deleted):
            yield _ended(container, StepPhase.SUCCEEDED)
        else:
            yield StepStatus(
                name=step.name, phase=StepPhase.RUNNING, start_time=container.started_at
            )


def after(
    task: Task, pod: Pod, ending: Ending, *, failed: bool, skips: bool
) -> tuple[StepStatus, ...]:
    """Return how far the steps are after the Pod's attempt has ended.

    `failed`: the first step that has not succeeded failed for good. `skips`: nor do those after it
    run any more. Where it has not failed for good, it is to run again, and shows why.
    """
    steps = []
    is_disrupted = ending.kind is not EndingKind.SUCCEEDED and (
        ending.kind is EndingKind.DISRUPTED or pod.is_being_deleted
    )
    charged = False
    for step in _steps(task):
        container = pod.container(step.name)
        if step.is_final:
            steps.append(step)
        elif container and _is_done(task, pod, container, is_disrupted=is_disrupted):
            steps.append(_ended(container, StepPhase.SUCCEEDED))
        elif not charged and (failed or ending.kind is EndingKind.FAILED):
            charged = True
            steps.append(_charged(step.name, container, ending, failed=failed))
        else:
            phase = StepPhase.SKIPPED if skips else StepPhase.PENDING
            steps.append(StepStatus(name=step.name, phase=phase))
    return tuple(steps)


def skipped(task: Task) -> tuple[StepStatus, ...]:
    """Return the steps of a task that ends without a Pod's end."""
    return tuple(
        step if step.is_final else StepStatus(name=step.name, phase=StepPhase.SKIPPED)
        for step in _steps(task)
    )


def failed_among(steps: tuple[StepStatus, ...]) -> tuple[StepStatus, ...]:
    """Return those of the steps that failed."""
    return tuple(step for step in steps if step.phase is StepPhase.FAILED)


def _steps(task: Task) -> list[StepStatus]:
    known = {step.name: step for step in task.status.steps}
    return [known.get(name) or _pending(name) for name in task.rules.steps]


def _pending(name: str) -> StepStatus:
    return StepStatus(name=name, phase=StepPhase.PENDING)


def _is_done(task: Task, pod: Pod, container: Container, *, is_disrupted: bool) -> bool:
    """Whether the step's container has done its work.

    A program that ends in order on SIGTERM has not, so after a disruption its exit code counts
    only where the order is known: a step after it has begun, or it ended before the disruption.
    """
    if not container.is_terminated or container.exit_code != 0:
        return False
    if not is_disrupted:
        return True
    following = task.rules.steps[task.rules.steps.index(container.name) + 1 :]
    if any(later.has_started for later in pod.named(following)):
        return True
    return ended_before_interruption(pod, container)


def _ended(container: Container, phase: StepPhase) -> StepStatus:
    return StepStatus(
        name=container.name,
        phase=phase,
        exit_code=container.exit_code,
        start_time=container.started_at,
        completion_time=container.finished_at,
        result=container.message,
    )


def _charged(name: str, container: Container | None, ending: Ending, *, failed: bool) -> StepStatus:
    phase = StepPhase.FAILED if failed else StepPhase.PENDING
    status = StepStatus(name=name, phase=phase)
    if container is not None and container.is_terminated:
        status = _ended(container, phase)
    return status.model_copy(update={"reason": ending.reason.value})
