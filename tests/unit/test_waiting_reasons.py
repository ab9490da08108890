"""What a Pod waits for, in the words of schedulers and kubelets, and in those of status.reason."""

from typing import Any

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.kube.waiting import waiting_from
from mltask_operator.lifecycle.observed import Waiting
from tests.unit.bodies import ENDED, STARTED, container

Json = dict[str, Any]

BOUND: Json = {"nodeName": "n1", "schedulerName": "default-scheduler"}
UNBOUND: Json = {"schedulerName": "default-scheduler"}
RUNNING: Json = {"running": {"startedAt": STARTED}}
DONE: Json = {"terminated": {"exitCode": 0, "startedAt": STARTED, "finishedAt": ENDED}}


def not_scheduled(reason: str, message: str) -> Json:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
    }
    return {"phase": "Pending", "conditions": [condition]}


def waits(reason: str, message: str | None = None, name: str = "main") -> Json:
    return container(name, waiting={"reason": reason, **({"message": message} if message else {})})


def of(*main: Json, init: tuple[Json, ...] = (), phase: str = "Pending") -> Json:
    scheduled = {"type": "PodScheduled", "status": "True"}
    return {
        "phase": phase,
        "conditions": [scheduled],
        "initContainerStatuses": list(init),
        "containerStatuses": list(main),
    }


TABLE = [
    # Its scheduling
    (
        "no node has room",
        not_scheduled("Unschedulable", "0/2 nodes are available: 2 Insufficient cpu."),
        "Unschedulable",
        "0/2 nodes are available: 2 Insufficient cpu.",
    ),
    (
        "the scheduler has an error",
        not_scheduled("SchedulerError", "binding rejected"),
        "Unschedulable",
        "binding rejected",
    ),
    (
        "a gate",
        not_scheduled("SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"),
        "SchedulingGated",
        "Scheduling is blocked due to non-empty scheduling gates",
    ),
    # Its containers
    ("it prepares", of(waits("ContainerCreating")), "ContainerCreating", None),
    *(
        (word, of(waits(word, "the kubelet's own words")), word, "the kubelet's own words")
        for word in (
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "InvalidImageName",
            "CreateContainerConfigError",
            "CreateContainerError",
        )
    ),
    (
        "a word that is not documented",
        of(waits("RunContainerError", "no such device")),
        "ContainerCreating",
        "RunContainerError: no such device",
    ),
    (
        "such a word alone",
        of(waits("CrashLoopBackOff")),
        "ContainerCreating",
        "CrashLoopBackOff",
    ),
    (
        "no word at all",
        of(container("main", waiting={"message": "so it is"})),
        "ContainerCreating",
        "so it is",
    ),
    (
        "what is wrong goes before what is on its way",
        of(waits("ContainerCreating", name="proxy"), waits("ErrImagePull", "no such image")),
        "ErrImagePull",
        "no such image",
    ),
    # Its init containers
    (
        "one runs",
        of(waits("PodInitializing"), init=(container("fetch", **RUNNING),)),
        "Initializing",
        None,
    ),
    (
        "one has ended",
        of(waits("PodInitializing"), init=(container("fetch", **DONE), waits("PodInitializing"))),
        "Initializing",
        None,
    ),
    (
        "none has begun",
        of(waits("PodInitializing"), init=(waits("PodInitializing", name="fetch"),)),
        "ContainerCreating",
        None,
    ),
    (
        "the image of one cannot be pulled",
        of(waits("PodInitializing"), init=(waits("ImagePullBackOff", "no such image"),)),
        "ImagePullBackOff",
        "no such image",
    ),
    # A Pod that runs
    (
        "a sidecar's image cannot be pulled",
        of(container(**RUNNING), waits("ErrImagePull", "no", name="proxy"), phase="Running"),
        "ErrImagePull",
        "no",
    ),
]


@pytest.mark.parametrize(
    ("status", "reason", "message"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_waiting(status: Json, reason: str, message: str | None) -> None:
    found = waiting_from(BOUND, status)
    assert found is not None
    assert (found.reason, found.message) == (reason, message)


@pytest.mark.parametrize(
    "status",
    [
        of(container(**RUNNING), phase="Running"),
        of(container(**DONE), phase="Succeeded"),
        of(waits("PodInitializing"), phase="Failed"),
        {**not_scheduled("Unschedulable", "0/2 nodes"), "phase": "Failed"},
        {"phase": "Running"},
        of(container()),
    ],
    ids=[
        "runs",
        "succeeded",
        "failed before its containers began",
        "deleted before it had a node",
        "runs, and no word on its containers",
        "is between two states",
    ],
)
def test_not_waiting(status: Json) -> None:
    assert waiting_from(BOUND, status) is None


@pytest.mark.parametrize(
    "status", [{}, {"phase": "Pending"}, {"phase": "Pending", "conditions": None}]
)
def test_a_pod_that_nobody_takes_up_tells_whom_it_waits_for(status: Json) -> None:
    unbound, bound = waiting_from(UNBOUND, status), waiting_from(BOUND, status)
    assert unbound == Waiting(
        reason=Reason.UNATTENDED,
        message="no scheduler has taken up the Pod; its schedulerName is default-scheduler",
    )
    assert bound == Waiting(reason=Reason.UNATTENDED, message="node n1 has not taken up the Pod")
