"""What follows from an attempt's end: each rule, and which of them goes before which."""

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.observed import Pod, PodPhase
from mltask_operator.lifecycle.orders import as_ordered
from mltask_operator.lifecycle.rules import (
    ExitCodes,
    FailureAction,
    FailureRule,
    MemoryGrowth,
    packed,
)
from mltask_operator.lifecycle.steps import container_names
from mltask_operator.lifecycle.verdict import Course, Verdict, judge
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.pods import (
    NOW,
    ended,
    of_steps,
    out_of_memory,
    runs,
    succeeded,
    terminated,
    told_to_end,
    waits,
)
from tests.unit.statuses import (
    broken,
    done,
    failed_before,
    out_of_time_status,
    status,
    step,
    suspended_status,
)

MEBIBYTE = 2**20
GROWTH = MemoryGrowth(factor=2, maximum=100 * MEBIBYTE, request=40 * MEBIBYTE, limit=None)

KILLED = ended(137, containers=(out_of_memory(),))
EVICTED = ended(137, disruption="EvictionByEvictionAPI", conditions=(("DisruptionTarget", "True"),))
DELETED = ended(143, **told_to_end(10))


def on_codes(action: str, *values: int) -> FailureRule:
    codes = ExitCodes(are_in=True, values=packed(values))
    return FailureRule(action=FailureAction(action), exit_codes=codes)


def on_disruption(action: str) -> FailureRule:
    conditions = (("DisruptionTarget", "True"),)
    return FailureRule(action=FailureAction(action), conditions=conditions)


def with_policy(*rules: FailureRule) -> TaskBuilder:
    return a_task().with_rules(failure_policy=rules)


def verdict(seen: TaskBuilder, pod: Pod) -> Verdict:
    """Return the verdict on the Pod, which must have ended."""
    task = seen.with_pod(pod).build().task
    assert task is not None
    ending = how_it_ended(pod, NOW, container_names(task))
    assert ending is not None
    return judge(task, pod, as_ordered(task, pod, ending))


RETRIED = a_task().with_rules(backoff_limit=1)
GROWING = a_task().with_rules(memory=GROWTH)
STOP = a_task().of_steps("a", "b", "c")
CONTINUE = STOP.with_rules(goes_on_after_failed_step=True)
A_FAILS = of_steps(terminated("a", 1), waits("b"), waits("c"))
C_FAILS = of_steps(terminated("c", 1))
C_SUCCEEDS = of_steps(terminated("c", 0))
AB_DONE = status(steps=(done("a"), done("b"), step("c")))
B_BROKEN = status(steps=(done("a"), broken("b"), step("c")))
ALL_DONE = status(steps=(done("a"), done("b"), done("c")))

TABLE = [
    # Success
    ("success", a_task(), succeeded(), Course.SUCCEED, "Completed"),
    ("every step", STOP.with_status(AB_DONE), C_SUCCEEDS, Course.SUCCEED, "Completed"),
    ("success, whatever rules there are", with_policy(on_codes("Fail", 1), on_disruption("Fail")),
     succeeded(conditions=(("DisruptionTarget", "True"),)), Course.SUCCEED, "Completed"),
    # Failures
    ("a failure", a_task(), ended(3), Course.FAIL, "ContainerFailed"),
    ("a failure that may be tried again", RETRIED, ended(3), Course.RETRY, "BackingOff"),
    ("and then not any more", RETRIED.with_status(failed_before(1)), ended(3, 2), Course.FAIL,
     "ContainerFailed"),
    # Disruptions
    ("a disruption", a_task(), EVICTED, Course.REPEAT, "PodEvicted"),
    ("a deletion", a_task(), DELETED, Course.REPEAT, "PodDeleted"),
    ("a disruption needs no retries left", RETRIED.with_status(failed_before(1)),
     ended(137, 2, disruption="PreemptionByScheduler"), Course.REPEAT, "PodPreempted"),
    # Orders of ours
    ("suspended", a_task().with_status(suspended_status()), DELETED, Course.REPEAT_IGNORED,
     "Suspended"),
    ("suspended, whatever rules there are",
     with_policy(on_codes("Fail", 143)).with_status(suspended_status()), DELETED,
     Course.REPEAT_IGNORED, "Suspended"),
    ("out of time", a_task().with_status(out_of_time_status()), DELETED, Course.FAIL,
     "DeadlineExceeded"),
    ("out of time may be tried again", RETRIED.with_status(out_of_time_status()), DELETED,
     Course.RETRY, "BackingOff"),
    ("out of time is no matter of rules",
     with_policy(on_codes("Ignore", 143)).with_status(out_of_time_status()), DELETED, Course.FAIL,
     "DeadlineExceeded"),
    ("nor is the template's own deadline", with_policy(on_codes("Ignore", 143)),
     ended(143, reason="DeadlineExceeded"), Course.FAIL, "DeadlineExceeded"),
    # podFailurePolicy, before all that follows
    ("a rule says Fail", with_policy(on_codes("Fail", 3)).with_rules(backoff_limit=1), ended(3),
     Course.FAIL, "PodFailurePolicy"),
    ("of a disruption too", with_policy(on_disruption("Fail")), EVICTED, Course.FAIL,
     "PodFailurePolicy"),
    ("of memory too", with_policy(on_codes("Fail", 137)).with_rules(memory=GROWTH), KILLED,
     Course.FAIL, "PodFailurePolicy"),
    ("a rule says Ignore", with_policy(on_codes("Ignore", 3)), ended(3), Course.REPEAT_IGNORED,
     "AttemptIgnored"),
    ("of a disruption too", with_policy(on_disruption("Ignore")), EVICTED, Course.REPEAT_IGNORED,
     "AttemptIgnored"),
    ("a rule says Count, as it were without", with_policy(on_codes("Count", 3)), ended(3),
     Course.FAIL, "ContainerFailed"),
    ("of a disruption, which then is a failure", with_policy(on_disruption("Count")), EVICTED,
     Course.FAIL, "PodEvicted"),
    ("that may be tried again", with_policy(on_disruption("Count")).with_rules(backoff_limit=1),
     EVICTED, Course.RETRY, "BackingOff"),
    ("of memory, which still may grow", with_policy(on_codes("Count", 137)).with_rules(
        memory=GROWTH), KILLED, Course.ASK_FOR_MORE, "MemoryIncreased"),
    ("no rule matches", with_policy(on_codes("Fail", 4)), ended(3), Course.FAIL,
     "ContainerFailed"),
    ("a disruption is one where no rule matches", with_policy(on_codes("Fail", 4)), EVICTED,
     Course.REPEAT, "PodEvicted"),
    # Memory, before retries are spent
    ("out of memory", a_task(), KILLED, Course.FAIL, "OOMKilled"),
    ("that may grow", GROWING, KILLED, Course.ASK_FOR_MORE, "MemoryIncreased"),
    ("without spending a retry", GROWING.with_rules(backoff_limit=1), KILLED,
     Course.ASK_FOR_MORE, "MemoryIncreased"),
    ("and has grown as far as it may", GROWING.asking_for(100 * MEBIBYTE), KILLED, Course.FAIL,
     "OOMKilled"),
    ("which may be tried again", GROWING.asking_for(100 * MEBIBYTE).with_rules(backoff_limit=1),
     KILLED, Course.RETRY, "BackingOff"),
    ("of a step", STOP.with_rules(memory=GROWTH),
     of_steps(out_of_memory("a"), waits("b"), waits("c")), Course.ASK_FOR_MORE, "MemoryIncreased"),
    ("of an init container, whose memory the task does not grow", GROWING,
     ended(137, init_containers=(out_of_memory("fetch"),), containers=(waits("main"),)),
     Course.FAIL, "OOMKilled"),
    ("of a sidecar, after main has done its work", GROWING,
     ended(137, containers=(terminated("main", 0), out_of_memory("proxy"))), Course.SUCCEED,
     "Completed"),
    ("killed by a disruption before it ran out", GROWING,
     ended(137, containers=(out_of_memory(),), **told_to_end(10)), Course.REPEAT, "PodDeleted"),
    # Steps
    ("a step fails", STOP, A_FAILS, Course.FAIL, "ContainerFailed"),
    ("and may be tried again", STOP.with_rules(backoff_limit=1), A_FAILS, Course.RETRY,
     "BackingOff"),
    ("the others go on", CONTINUE, A_FAILS, Course.GO_ON, "StepFailed"),
    ("once it was tried again", CONTINUE.with_rules(backoff_limit=1), A_FAILS, Course.RETRY,
     "BackingOff"),
    ("the last one fails", CONTINUE.with_status(AB_DONE), C_FAILS, Course.FAIL, "StepFailed"),
    ("the last one succeeds after others had failed", CONTINUE.with_status(B_BROKEN), C_SUCCEEDS,
     Course.FAIL, "StepFailed"),
    ("a rule says Fail, and nothing goes on",
     CONTINUE.with_rules(failure_policy=(on_codes("Fail", 1),)), A_FAILS, Course.FAIL,
     "PodFailurePolicy"),
    ("a disruption counts, and the others go on",
     CONTINUE.with_rules(failure_policy=(on_disruption("Count"),)),
     of_steps(terminated("a", 137), waits("b"), waits("c"), disruption="TerminationByKubelet",
              conditions=(("DisruptionTarget", "True"),)),
     Course.GO_ON, "StepFailed"),
    # No step is left
    ("a disruption after the last step is none", STOP.with_status(ALL_DONE),
     of_steps(runs("c"), phase=PodPhase.FAILED, init_containers=(), containers=(
         terminated("proxy", 143),), **told_to_end(10)), Course.SUCCEED, "Completed"),
    ("so with a suspension", STOP.with_status(
        suspended_status(steps=ALL_DONE.steps)),
     of_steps(terminated("proxy", 143), **told_to_end(10)), Course.SUCCEED, "Completed"),
    ("unless steps had failed", CONTINUE.with_status(
        status(steps=(done("a"), broken("b"), done("c")))),
     of_steps(terminated("proxy", 143), **told_to_end(10)), Course.FAIL, "StepFailed"),
    ("a sidecar that fails after them has failed", STOP.with_status(ALL_DONE),
     of_steps(terminated("proxy", 9)), Course.FAIL, "ContainerFailed"),
    ("though there are retries left, for nothing is to run again",
     STOP.with_rules(backoff_limit=9).with_status(ALL_DONE),
     of_steps(terminated("proxy", 9)), Course.FAIL, "ContainerFailed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "pod", "course", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_verdict(seen: TaskBuilder, pod: Pod, course: Course, reason: Reason) -> None:
    found = verdict(seen, pod)
    assert (found.course, found.reason) == (course, reason)
    assert found.message


@pytest.mark.parametrize(
    ("seen", "pod", "message"),
    [
        (a_task(), ended(3), "container main ended with exit code 3"),
        (RETRIED, ended(3), "attempt 1 failed: container main ended with exit code 3"),
        (
            with_policy(on_codes("Count", 9), on_codes("Fail", 3)),
            ended(3),
            "container main ended with exit code 3; rule 1 of podFailurePolicy says Fail",
        ),
        (
            with_policy(on_disruption("Ignore")),
            EVICTED,
            f"Pod {EVICTED.name}: EvictionByEvictionAPI; rule 0 of podFailurePolicy says Ignore",
        ),
        (
            GROWING,
            KILLED,
            "container main used more memory than its limit and was killed (exit code 137); the "
            "next attempt asks for 80Mi",
        ),
        (CONTINUE.with_status(B_BROKEN), C_FAILS, "2 of 3 steps failed: b, c"),
        (CONTINUE.with_status(B_BROKEN), C_SUCCEEDS, "1 of 3 steps failed: b"),
        (STOP.with_status(AB_DONE), C_SUCCEEDS, "every container ended with exit code 0"),
    ],
)
def test_message_says_what_happened(seen: TaskBuilder, pod: Pod, message: str) -> None:
    assert verdict(seen, pod).message == message
