"""How an attempt ended, read off its Pod as kubelets, schedulers and users leave it."""

from typing import Any

import pytest

from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.endings import EndingKind
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase
from tests.unit.pods import NOW, a_pod, ago, ended, running, seconds, succeeded, terminated

NOT_STARTED = Container(name="main", reason="PodInitializing")


def failed(**changes: Any) -> Pod:
    """Return a failed Pod of which no container ever ran."""
    return a_pod(phase=PodPhase.FAILED, node_name="n1", containers=(NOT_STARTED,), **changes)


TABLE = [
    ("exit code 0", succeeded(), EndingKind.SUCCEEDED, "Completed"),
    ("a non-zero exit code", ended(2), EndingKind.FAILED, "ContainerFailed"),
    (
        "killed for memory",
        ended(137, containers=(terminated("main", 137, reason="OOMKilled"),)),
        EndingKind.FAILED,
        "OOMKilled",
    ),
    (
        "a child killed for memory, and the shell ended in order",
        succeeded(containers=(terminated("main", 0, reason="OOMKilled"),)),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "a command that is not in the image",
        ended(128, containers=(terminated("main", 128, reason="StartError", message="no x"),)),
        EndingKind.FAILED,
        "ContainerStartFailed",
    ),
    (
        "an init container that failed",
        a_pod(
            phase=PodPhase.FAILED,
            node_name="n1",
            init_containers=(terminated("fetch", 4),),
            containers=(NOT_STARTED,),
        ),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "a sidecar that failed while main succeeded",
        ended(1, containers=(terminated("main", 0), terminated("proxy", 9))),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "the deadline of the template, in the midst of a run",
        ended(143, reason="DeadlineExceeded", message="too long"),
        EndingKind.FAILED,
        "DeadlineExceeded",
    ),
    (
        "the deadline of the template, before a start",
        failed(reason="DeadlineExceeded"),
        EndingKind.FAILED,
        "DeadlineExceeded",
    ),
    ("nobody says why", failed(), EndingKind.FAILED, "PodFailed"),
    (
        "evicted by the kubelet, whose node is short of something",
        ended(137, reason="Evicted", message="low on memory", disruption="TerminationByKubelet"),
        EndingKind.DISRUPTED,
        "PodEvicted",
    ),
    (
        "evicted by the kubelet for its own use of storage",
        ended(137, reason="Evicted", message='volume "tmp" exceeds its limit'),
        EndingKind.FAILED,
        "StorageLimitExceeded",
    ),
    (
        "a node that was shut down in order",
        ended(143, reason="Terminated", disruption="TerminationByKubelet"),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "a node that was restarted",
        ended(255, containers=(terminated("main", 255, reason="Unknown"),)),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "main failed, and its native sidecar ended as it was told",
        ended(3, init_containers=(terminated("proxy", 143),)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "deleted while a native sidecar still ended, long after main had succeeded",
        succeeded(
            deletion_asked_at=ago(5),
            init_containers=(terminated("proxy", 143, finished_at=ago(1)),),
        ),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "deleted while its image was pulled, after an init container had ended",
        failed(
            deletion_asked_at=ago(5),
            init_containers=(terminated("fetch", 0, finished_at=ago(20)),),
        ),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "told to end, and ended in order by the clock of a node that lags behind",
        succeeded(deletion_asked_at=ago(5), was_told_to_end=True),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "evicted through the API",
        ended(143, disruption="EvictionByEvictionAPI", deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodEvicted",
    ),
    (
        "preempted",
        ended(143, disruption="PreemptionByScheduler"),
        EndingKind.DISRUPTED,
        "PodPreempted",
    ),
    (
        "its node is gone",
        failed(disruption="DeletionByPodGC", deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "rejected by the kubelet",
        failed(reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
        EndingKind.DISRUPTED,
        "PodRejected",
    ),
    (
        "deleted by somebody, and killed for it",
        ended(137, deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "deleted by somebody, and ended in order on SIGTERM",
        succeeded(deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "deleted by somebody within the second in which it ended",
        ended(143, deletion_asked_at=ago(10)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "deleted by somebody, and killed for it by the clock of a node that lags behind",
        ended(143, deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "deleted by somebody long after it had been killed",
        ended(137, deletion_asked_at=NOW + seconds(60)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "deleted by somebody after it had used too much memory",
        ended(
            137,
            containers=(terminated("main", 137, reason="OOMKilled"),),
            deletion_asked_at=ago(5),
        ),
        EndingKind.FAILED,
        "OOMKilled",
    ),
    (
        "deleted by somebody after it had succeeded",
        succeeded(deletion_asked_at=ago(5)),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "deleted by somebody after it had failed",
        ended(1, deletion_asked_at=ago(5)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "deleted by somebody before it had a node",
        a_pod(deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "deleted by somebody while its image was pulled",
        failed(deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
]


@pytest.mark.parametrize(
    ("pod", "kind", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_ending(pod: Pod, kind: EndingKind, reason: str) -> None:
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert (ending.kind, ending.reason) == (kind, reason)
    assert ending.message


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(),
        a_pod(node_name="n1"),
        running(),
        running(deletion_asked_at=ago(5)),
        a_pod(node_name="n1", deletion_asked_at=ago(5)),
        a_pod(phase=PodPhase.UNKNOWN, node_name="n1"),
    ],
)
def test_not_ended(pod: Pod) -> None:
    assert how_it_ended(pod, NOW) is None


def test_message_names_the_container_that_failed() -> None:
    pod = a_pod(
        phase=PodPhase.FAILED,
        node_name="n1",
        init_containers=(terminated("ok", 0), terminated("fetch", 4, message="404 from mirror")),
        containers=(NOT_STARTED,),
    )
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.message == "init container fetch ended with exit code 4"
    assert (ending.exit_code, ending.output) == (4, "404 from mirror")


def test_a_native_sidecar_does_not_speak_for_main() -> None:
    ending = how_it_ended(ended(3, init_containers=(terminated("proxy", 143),)), NOW)
    assert ending is not None
    assert (ending.message, ending.exit_code) == ("container main ended with exit code 3", 3)


def test_main_speaks_before_its_sidecars() -> None:
    pod = ended(1, containers=(terminated("a-sidecar", 7), terminated("main", 3)))
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.exit_code == 3


def test_end_is_that_of_the_last_container() -> None:
    pod = succeeded(containers=(terminated("main", 0, finished_at=ago(20)), terminated("proxy", 0)))
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.at == ago(10)
