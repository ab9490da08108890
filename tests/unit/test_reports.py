"""When a state that is not final is written: not before it has stood, and not too often."""

from typing import Any

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Allocation, MLTaskStatus, Phase, StepPhase, StepStatus
from mltask_operator.lifecycle.observed import RefusalKind, Waiting
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import (
    a_pod,
    ago,
    of_steps,
    running,
    runs,
    terminated,
    waiting_for,
    waits,
)
from tests.unit.statuses import (
    after_attempts,
    disrupted_before,
    done,
    running_status,
    step,
    waiting_status,
)

NO_PROXY = (runs("main"), waits("proxy"))
TWO_STEPS = a_task().of_steps("a", "b")
A_ENDED = of_steps(terminated("a", 0), runs("b"))
B_IS_NEXT = of_steps(terminated("a", 0), waits("b"))
A_RUNS = of_steps(runs("a"), waits("b"))


def steps_status(*steps: StepStatus, **fields: Any) -> MLTaskStatus:
    """Return the status of a task that is told to run, these steps being that far."""
    return running_status(steps=steps, **fields)


A_IS_TOLD = steps_status(step("a", StepPhase.RUNNING, start_time=ago(30)), step("b"))

TABLE = [
    # That it runs
    ("what runs is told after a second", a_task().with_pod(running()).changed(1), "write Running"),
    ("and not before", a_task().with_pod(running()).changed(0.4), "wait 0.6 s"),
    (
        "where others wait, it is told if it lasts",
        a_task().with_pod(running()).changed(4).in_a_crowd(),
        "wait 1 s",
    ),
    (
        "and then it is told, however many they are",
        a_task().with_pod(running()).changed(5).in_a_crowd(),
        "write Running",
    ),
    ("what is told is not told again", a_task().with_status(running_status()).with_pod(running()),
     "wait"),
    (
        "its words are no news as long as nothing else is",
        a_task().with_status(running_status(reason="ErrImagePull", message="proxy: old words"))
        .with_pod(waiting_for(Reason.ERR_IMAGE_PULL, "new words", containers=NO_PROXY))
        .reported(59),
        "wait 1 s",
    ),
    # What it waits for
    (
        "what a Pod waits for is told after a second",
        a_task().with_pod(waiting_for(Reason.UNSCHEDULABLE)).changed(1),
        "write Pending, Unschedulable",
    ),
    (
        "and not before",
        a_task().with_pod(waiting_for(Reason.UNSCHEDULABLE)).changed(0.4),
        "wait 0.6 s",
    ),
    (
        "what every Pod goes through is told if it takes five",
        a_task().with_pod(waiting_for(Reason.CONTAINER_CREATING)).changed(5),
        "write Pending, ContainerCreating",
    ),
    (
        "and not before",
        a_task().with_pod(waiting_for(Reason.CONTAINER_CREATING)).changed(4),
        "wait 1 s",
    ),
    (
        "init containers too",
        a_task().with_pod(waiting_for(Reason.INITIALIZING)).changed(4),
        "wait 1 s",
    ),
    (
        "that nobody takes up the Pod is told after half a minute",
        a_task().with_pod(waiting_for(Reason.UNATTENDED)).changed(30),
        "write Pending, Unattended",
    ),
    (
        "and not before",
        a_task().with_pod(waiting_for(Reason.UNATTENDED)).changed(29),
        "wait 1 s",
    ),
    ("where nothing is said there is nothing to tell", a_task().with_pod(a_pod()), "wait"),
    (
        "but what was said and is not so any more is taken back",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE)).with_pod(a_pod()).changed(5),
        "write Pending",
    ),
    (
        "though not at once: most likely it runs soon",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE)).with_pod(a_pod()).changed(4),
        "wait 1 s",
    ),
    (
        "another reason is news",
        a_task().with_status(waiting_status(Reason.ERR_IMAGE_PULL))
        .with_pod(waiting_for(Reason.IMAGE_PULL_BACK_OFF)).reported(0).changed(1),
        "write Pending, ImagePullBackOff",
    ),
    (
        "so is the same reason of another Pod",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE, pod_name="another"))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE)).reported(0).changed(1),
        "write Pending, Unschedulable",
    ),
    (
        "other words of the same reason are told once a minute",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE, "0/2 nodes"))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE, "0/3 nodes")).reported(60),
        "write Pending, Unschedulable",
    ),
    (
        "and not before",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE, "0/2 nodes"))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE, "0/3 nodes")).reported(59),
        "wait 1 s",
    ),
    (
        "after a restart nobody knows when they were, and they are told",
        a_task().with_status(waiting_status(Reason.UNSCHEDULABLE, "0/2 nodes"))
        .with_pod(waiting_for(Reason.UNSCHEDULABLE, "0/3 nodes")),
        "write Pending, Unschedulable",
    ),
    (
        "a node that was found is told with the next news only",
        a_task().with_status(waiting_status(Reason.CONTAINER_CREATING, node_name=None))
        .with_pod(waiting_for(Reason.CONTAINER_CREATING)).reported(59),
        "wait 1 s",
    ),
    # Steps
    (
        "that a step has ended is told",
        TWO_STEPS.with_status(A_IS_TOLD).with_pod(A_ENDED).reported(5),
        "write Running",
    ),
    (
        "every five seconds at the most",
        TWO_STEPS.with_status(A_IS_TOLD).with_pod(A_ENDED).reported(4),
        "wait 1 s",
    ),
    (
        "a step that runs for long is not told of again",
        TWO_STEPS.with_status(A_IS_TOLD).with_pod(A_RUNS).reported(100),
        "wait",
    ),
    (
        "that nothing runs between two steps is no word worth",
        TWO_STEPS.with_status(steps_status(done("a"), step("b")))
        .with_pod(of_steps(terminated("a", 0), waits("b"),
                           waiting=Waiting(reason=Reason.INITIALIZING)))
        .reported(100),
        "wait",
    ),
    (
        "that a step's image cannot be pulled is",
        TWO_STEPS.with_status(A_IS_TOLD)
        .with_pod(of_steps(terminated("a", 0), waits("b"),
                           waiting=Waiting(reason=Reason.IMAGE_PULL_BACK_OFF)))
        .reported(0),
        "write Running, ImagePullBackOff",
    ),
    # Others
    (
        "that the spec was changed is told with the next news",
        a_task().with_status(running_status(observed_generation=0)).with_pod(running())
        .reported(59),
        "wait 1 s",
    ),
    (
        "a sidecar that cannot start is told while main runs",
        a_task().with_status(running_status())
        .with_pod(waiting_for(Reason.ERR_IMAGE_PULL, containers=NO_PROXY)),
        "write Running, ErrImagePull",
    ),
    (
        "while only a sidecar runs the task waits",
        a_task().with_pod(waiting_for(Reason.ERR_IMAGE_PULL,
                                      containers=(waits("main"), runs("proxy")))),
        "write Pending, ErrImagePull",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "action"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_decision(seen: TaskBuilder, action: str) -> None:
    assert decided(seen) == action


def test_a_running_task_tells_where_and_since_when() -> None:
    before = after_attempts(Reason.POD_EVICTED, attempts=2)
    told = written(a_task().with_status(before).with_pod(running(attempt=3)))
    assert (told.attempts, told.pod_name, told.node_name) == (3, running(3).name, "n1")
    assert (told.start_time, told.completion_time, told.observed_generation) == (ago(30), None, 1)


def test_a_waiting_task_tells_the_words_of_who_keeps_it_waiting() -> None:
    told = written(a_task().with_pod(waiting_for(Reason.UNSCHEDULABLE, "0/2 nodes: 2 cpu")))
    assert (told.reason, told.message) == ("Unschedulable", "0/2 nodes: 2 cpu")
    assert (told.attempts, told.node_name, told.start_time) == (1, None, None)


def test_every_report_is_the_last_until_there_is_news() -> None:
    pods = [
        running(),
        A_ENDED,
        B_IS_NEXT,
        waiting_for(Reason.UNSCHEDULABLE, "0/2 nodes"),
        waiting_for(Reason.CONTAINER_CREATING),
    ]
    for pod in pods:
        seen = (a_task() if not pod.init_containers else TWO_STEPS).with_pod(pod)
        assert decided(seen.with_status(written(seen))) == "wait"


BEFORE = disrupted_before(3).model_copy(
    update={
        "failures": 2,
        "steps": (done("a"), step("b")),
        "allocation": Allocation(requests={"cpu": "1"}, seconds=100),
    }
)
LATER = TWO_STEPS.with_status(BEFORE)


@pytest.mark.parametrize(
    "seen",
    [
        LATER.with_pod(of_steps(runs("b"), attempt=4)),
        LATER.with_pod(waiting_for(Reason.UNSCHEDULABLE, attempt=4)),
        LATER.queued(),
        LATER.refused(RefusalKind.NAME_TAKEN),
        LATER.refused(RefusalKind.INVALID),
        LATER.with_rules(is_suspended=True),
        LATER.with_status(BEFORE.model_copy(update={"phase": Phase.SUSPENDED})),
    ],
    ids=["runs", "waits for a node", "queues", "is refused", "fails", "suspended", "resumed"],
)
def test_what_was_known_before_is_handed_on(seen: TaskBuilder) -> None:
    told = written(seen)
    assert (told.failures, told.disruptions, told.history) == (2, 3, BEFORE.history)
    assert told.allocation == BEFORE.allocation
    assert told.attempts == (4 if seen.pods else 3)
    [a, b] = told.steps
    assert (a, b.name) == (done("a"), "b")
