"""What follows from an attempt's end: success, failure, or a further attempt, counted or not."""

from dataclasses import dataclass
from enum import StrEnum

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle import memory, steps
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Pod, Task
from mltask_operator.lifecycle.rules import ExitCodes, FailureAction, FailureRule


class Course(StrEnum):
    """The ways a task goes on after an attempt."""

    SUCCEED = "Succeed"
    FAIL = "Fail"
    RETRY = "Retry"
    """A further attempt, after a backoff; this one counts in failures."""
    GO_ON = "GoOn"
    """The steps after the failed one, in a further allocation."""
    ASK_FOR_MORE = "AskForMore"
    """A further attempt with more memory."""
    REPEAT = "Repeat"
    """A further attempt; this one was a disruption."""
    REPEAT_IGNORED = "RepeatIgnored"
    """A further attempt; this one counts nowhere."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows, and why."""

    course: Course
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class _Case:
    task: Task
    pod: Pod
    ending: Ending
    unfinished: tuple[str, ...]
    """The steps that have no end yet, the one that failed now among them."""
    rule: tuple[int, FailureAction] | None
    """The rule of podFailurePolicy that matches, by its index."""


def judge(task: Task, pod: Pod, ending: Ending) -> Verdict:
    """Return what follows from the end of the task's attempt in this Pod: first match wins."""
    after = steps.after(task, pod, ending, failed=False, skips=False)
    unfinished = tuple(step.name for step in after if not step.is_final)
    case = _Case(task, pod, ending, unfinished, _first_match(task, pod, ending))
    for rule in _RULES:
        if verdict := rule(case):
            return verdict
    return _for_good(case)


def _success(case: _Case) -> Verdict | None:
    if case.ending.kind is not EndingKind.SUCCEEDED:
        return None
    return _succeed(case.task, case.ending.message)


def _no_step_left(case: _Case) -> Verdict | None:
    # Another container of the template outlived the steps.
    if case.unfinished or not case.task.rules.steps:
        return None
    if case.ending.kind is EndingKind.FAILED:
        return Verdict(Course.FAIL, case.ending.reason, case.ending.message)
    return _succeed(case.task, "every step ended with exit code 0")


def _suspension(case: _Case) -> Verdict | None:
    if case.ending.kind is not EndingKind.SUSPENDED:
        return None
    return Verdict(Course.REPEAT_IGNORED, case.ending.reason, case.ending.message)


def _policy(case: _Case) -> Verdict | None:
    if case.rule is None:
        return None
    index, action = case.rule
    why = f"{case.ending.message}; rule {index} of podFailurePolicy says {action}"
    if action is FailureAction.FAIL:
        return Verdict(Course.FAIL, Reason.POD_FAILURE_POLICY, why)
    if action is FailureAction.IGNORE:
        return Verdict(Course.REPEAT_IGNORED, Reason.ATTEMPT_IGNORED, why)
    return None


def _disruption(case: _Case) -> Verdict | None:
    # A rule that matches and comes to here says Count.
    if case.ending.kind is not EndingKind.DISRUPTED or case.rule is not None:
        return None
    return Verdict(Course.REPEAT, case.ending.reason, case.ending.message)


def _out_of_memory(case: _Case) -> Verdict | None:
    # More memory for the task's own containers does nothing for another one of the template.
    own = case.pod.named(steps.container_names(case.task))
    if case.ending.reason is not Reason.OOM_KILLED or all(c.reason != "OOMKilled" for c in own):
        return None
    if (more := memory.grown(case.task)) is None:
        return None
    why = f"{case.ending.message}; the next attempt asks for {memory.quantity(more)}"
    return Verdict(Course.ASK_FOR_MORE, Reason.MEMORY_INCREASED, why)


def _retry(case: _Case) -> Verdict | None:
    if case.task.status.failures >= case.task.rules.backoff_limit:
        return None
    return Verdict(Course.RETRY, Reason.BACKING_OFF, _of_attempt(case))


def _next_steps(case: _Case) -> Verdict | None:
    if not case.task.rules.goes_on_after_failed_step:
        return None
    if len(case.unfinished) > 1:
        return Verdict(Course.GO_ON, Reason.STEP_FAILED, _of_attempt(case))
    return _steps_failed(case.task, case.unfinished)


_RULES = (
    _success,
    _no_step_left,
    _suspension,
    _policy,
    _disruption,
    _out_of_memory,
    _retry,
    _next_steps,
)


def _for_good(case: _Case) -> Verdict:
    message = case.ending.message
    if case.task.rules.backoff_limit:
        message += f"; backoffLimit {case.task.rules.backoff_limit} is reached"
    return Verdict(Course.FAIL, case.ending.reason, message)


def _succeed(task: Task, message: str) -> Verdict:
    if steps.failed_among(task.status.steps):
        return _steps_failed(task, ())
    return Verdict(Course.SUCCEED, Reason.COMPLETED, message)


def _steps_failed(task: Task, now_failed: tuple[str, ...]) -> Verdict:
    failed = [step.name for step in steps.failed_among(task.status.steps)] + [*now_failed]
    message = f"{len(failed)} of {len(task.rules.steps)} steps failed: {', '.join(failed)}"
    return Verdict(Course.FAIL, Reason.STEP_FAILED, message)


def _of_attempt(case: _Case) -> str:
    return f"attempt {case.pod.attempt} failed: {case.ending.message}"


def _first_match(task: Task, pod: Pod, ending: Ending) -> tuple[int, FailureAction] | None:
    # What the operator ended itself has exit codes that it caused.
    if ending.reason is Reason.DEADLINE_EXCEEDED:
        return None
    matches = (
        (index, rule.action)
        for index, rule in enumerate(task.rules.failure_policy)
        if _matches(rule, pod)
    )
    return next(matches, None)


def _matches(rule: FailureRule, pod: Pod) -> bool:
    if rule.exit_codes is not None:
        return _has_exit_code(rule.exit_codes, pod)
    return any(condition in pod.conditions for condition in rule.conditions)


def _has_exit_code(codes: ExitCodes, pod: Pod) -> bool:
    # As a Job does: one container is enough, init containers count, exit code 0 never does.
    # https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    return any(
        (container.exit_code in codes) is codes.are_in
        for container in (*pod.containers, *pod.init_containers)
        if container.exit_code and codes.container in (None, container.name)
    )
