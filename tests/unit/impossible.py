"""What no API server would show: a fixture that describes it is wrong, and so is its test."""

from collections.abc import Callable

from mltask_operator.lifecycle.observed import Observed, Pod, PodPhase, Task


class ImpossibleError(AssertionError):
    """A fixture that describes a state in which no API server could be."""


def refuse_the_impossible(seen: Observed) -> None:
    """Raise ImpossibleError where this can never be observed."""
    genuine = [pod for pod in seen.pods if pod.is_genuine]
    if len({pod.attempt for pod in genuine}) < len(genuine):
        raise ImpossibleError("two Pods of one attempt: their names are the same")
    if seen.refusal and genuine:
        raise ImpossibleError("a refused creation and a Pod: the store forgets the refusal")
    if seen.behind and seen.pods:
        raise ImpossibleError("a task that has a Pod stands in no queue for quota")
    for pod in seen.pods:
        for words, is_so in _FAULTS_OF_A_POD.items():
            if is_so(pod):
                raise ImpossibleError(words)
        if seen.task is not None:
            _check_order_of_steps(seen.task, pod)
    if seen.task is not None:
        _check_task(seen.task)


def _check_task(task: Task) -> None:
    status = task.status
    attempts = [record.attempt for record in status.history]
    if attempts != sorted(set(attempts)) or len(attempts) > 10:
        raise ImpossibleError("a history out of order, or longer than ten attempts")
    if attempts and status.attempts < attempts[-1]:
        raise ImpossibleError("fewer attempts than the history holds")
    if task.asked_memory is not None and task.rules.memory is None:
        raise ImpossibleError("memory that grows without rules for it")
    if {step.name for step in status.steps} - set(task.rules.steps):
        raise ImpossibleError("the state of a step that the spec does not have")


def _check_order_of_steps(task: Task, pod: Pod) -> None:
    reported = {c.name for c in (*pod.init_containers, *pod.containers)}
    has_ended = {step.name for step in task.status.steps if step.is_final}
    if pod.is_genuine and reported and not reported >= set(task.rules.steps) - has_ended:
        raise ImpossibleError("a Pod without a step that has not ended")
    before_is_done = True
    for container in pod.named(task.rules.steps):
        if container.has_started and not before_is_done:
            raise ImpossibleError("a step that began before the one before it had succeeded")
        before_is_done = container.is_terminated and container.exit_code == 0


_FAULTS_OF_A_POD: dict[str, Callable[[Pod], bool]] = {
    "a succeeded Pod with a container that failed": lambda pod: (
        pod.phase is PodPhase.SUCCEEDED and any(c.exit_code for c in pod.containers)
    ),
    "a running Pod without a node": lambda pod: (
        pod.phase is PodPhase.RUNNING and pod.node_name is None
    ),
    "a running Pod with a container that has not started": lambda pod: (
        pod.phase is PodPhase.RUNNING and not all(c.has_started for c in pod.containers)
    ),
    "an ended Pod with a container that runs": lambda pod: (
        pod.has_ended and any(c.is_running for c in pod.containers)
    ),
    "an ended Pod that is deleted and not held: it is gone": lambda pod: (
        not pod.is_held and pod.is_being_deleted and pod.has_ended
    ),
    "an ended Pod that waits": lambda pod: pod.has_ended and pod.waiting is not None,
    "a Pod that was told to end and is not being deleted": lambda pod: (
        pod.was_told_to_end and not pod.is_being_deleted
    ),
    "a grace period without a deletion": lambda pod: (
        bool(pod.deletion_grace) and not pod.is_being_deleted
    ),
    "a grace period for a Pod that has no node": lambda pod: (
        bool(pod.deletion_grace) and pod.node_name is None
    ),
    "a container that has ended without an exit code, or has one and has not": lambda pod: any(
        c.is_terminated is (c.exit_code is None) for c in (*pod.init_containers, *pod.containers)
    ),
    "a container that runs and has ended": lambda pod: any(
        c.is_running and c.is_terminated for c in (*pod.init_containers, *pod.containers)
    ),
}
