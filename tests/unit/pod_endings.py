"""Every way a Pod can end, as kubelets, schedulers and users leave it, and what it counts as."""

from typing import Any

from mltask_operator.lifecycle.endings import EndingKind
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase
from tests.unit.pods import (
    NOW,
    a_pod,
    ago,
    ended,
    running,
    runs,
    seconds,
    succeeded,
    terminated,
    told_to_end,
)

NOT_STARTED = Container(name="main", reason="PodInitializing")


def failed(**changes: Any) -> Pod:
    """Return a failed Pod of which no container ever ran."""
    return a_pod(phase=PodPhase.FAILED, node_name="n1", containers=(NOT_STARTED,), **changes)


TABLE = [
    ("main ended with exit code 0", succeeded(), EndingKind.SUCCEEDED, "Completed"),
    ("main ended with another exit code", ended(2), EndingKind.FAILED, "ContainerFailed"),
    (
        "main was killed for its use of memory",
        ended(137, containers=(terminated("main", 137, reason="OOMKilled"),)),
        EndingKind.FAILED,
        "OOMKilled",
    ),
    (
        "a child process was killed for its use of memory, and main ended with 0",
        succeeded(containers=(terminated("main", 0, reason="OOMKilled"),)),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main could not start, for example because its command is not in the image",
        ended(128, containers=(terminated("main", 128, reason="StartError", message="no x"),)),
        EndingKind.FAILED,
        "ContainerStartFailed",
    ),
    (
        "an init container failed",
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
        "main ended with 0, and a sidecar failed",
        ended(1, containers=(terminated("main", 0), terminated("proxy", 9))),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main ended with 0, and then the Pod was evicted while a sidecar ran",
        ended(
            137,
            containers=(terminated("main", 0), terminated("proxy", 137)),
            disruption="EvictionByEvictionAPI",
            deletion_asked_at=ago(5),
        ),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main ended with 0, and then the Pod was deleted; a sidecar still runs",
        running(containers=(terminated("main", 0), runs("proxy")), **told_to_end(5)),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main ended with 0, more than 30 s before a deletion that the operator saw first",
        ended(
            137,
            containers=(terminated("main", 0, finished_at=ago(60)), terminated("proxy", 137)),
            deletion_asked_at=ago(20),
            was_told_to_end=True,
        ),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main ended with 0, and the node was restarted while a sidecar ran",
        ended(255, containers=(terminated("main", 0), terminated("proxy", 255, reason="Unknown"))),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main ended with 0, then the template's activeDeadlineSeconds passed while a sidecar ran",
        ended(
            137,
            containers=(terminated("main", 0), terminated("proxy", 137)),
            reason="DeadlineExceeded",
        ),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "the template's activeDeadlineSeconds passed while main ran",
        ended(143, reason="DeadlineExceeded", message="too long"),
        EndingKind.FAILED,
        "DeadlineExceeded",
    ),
    (
        "the template's activeDeadlineSeconds passed before main started",
        failed(reason="DeadlineExceeded"),
        EndingKind.FAILED,
        "DeadlineExceeded",
    ),
    ("the Pod failed, and nothing says why", failed(), EndingKind.FAILED, "PodFailed"),
    (
        "the kubelet evicted the Pod because its node ran short of a resource",
        ended(137, reason="Evicted", message="low on memory", disruption="TerminationByKubelet"),
        EndingKind.DISRUPTED,
        "PodEvicted",
    ),
    (
        "the kubelet evicted the Pod because it used more storage than its limits",
        ended(137, reason="Evicted", message='volume "tmp" exceeds its limit'),
        EndingKind.FAILED,
        "StorageLimitExceeded",
    ),
    (
        "the node was shut down in order",
        ended(143, reason="Terminated", disruption="TerminationByKubelet"),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "the node or its container runtime was restarted while main ran",
        ended(255, containers=(terminated("main", 255, reason="Unknown"),)),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "the same while an init container or a step ran",
        a_pod(
            phase=PodPhase.FAILED,
            node_name="n1",
            init_containers=(terminated("fetch", 255, reason="Unknown"),),
            containers=(NOT_STARTED,),
        ),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "main failed, and then the node was restarted while a sidecar ran",
        ended(3, containers=(terminated("main", 3), terminated("proxy", 255, reason="Unknown"))),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "main failed, and its native sidecar ended on SIGTERM",
        ended(3, init_containers=(terminated("proxy", 143),)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "main ended with 0, and then the Pod was deleted while a native sidecar ended",
        succeeded(
            deletion_asked_at=ago(5),
            init_containers=(terminated("proxy", 143, finished_at=ago(1)),),
        ),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "the Pod was deleted after an init container had ended, before main started",
        failed(
            deletion_asked_at=ago(5),
            init_containers=(terminated("fetch", 0, finished_at=ago(20)),),
        ),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was deleted, and main ended with 0 later, though its node's clock says before",
        succeeded(deletion_asked_at=ago(5), was_told_to_end=True),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was evicted through the API",
        ended(143, disruption="EvictionByEvictionAPI", deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodEvicted",
    ),
    (
        "the scheduler preempted the Pod",
        ended(143, disruption="PreemptionByScheduler"),
        EndingKind.DISRUPTED,
        "PodPreempted",
    ),
    (
        "the Node object was deleted",
        failed(disruption="DeletionByPodGC", deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "NodeLost",
    ),
    (
        "the kubelet rejected the Pod before a container started",
        failed(reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
        EndingKind.DISRUPTED,
        "PodRejected",
    ),
    (
        "a restarted kubelet rejected the Pod after its containers had run",
        ended(137, reason="NodeAffinity", message="Pod was rejected: no such label"),
        EndingKind.DISRUPTED,
        "PodRejected",
    ),
    (
        "a restarted kubelet rejected the Pod because its device was gone",
        ended(
            137,
            reason="UnexpectedAdmissionError",
            message="Pod was rejected: Allocate failed due to no healthy devices present",
        ),
        EndingKind.DISRUPTED,
        "PodRejected",
    ),
    (
        "the Pod was deleted, and main was killed for it",
        ended(137, deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was deleted, and main ended with 0 on SIGTERM",
        succeeded(deletion_asked_at=ago(12)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was deleted within the second in which main ended",
        ended(143, deletion_asked_at=ago(10)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was deleted, and main was killed less than 30 s before, by its node's clock",
        ended(143, deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "main was killed, and the Pod was deleted more than 30 s later",
        ended(137, deletion_asked_at=NOW + seconds(60)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "main was killed for its use of memory, and then the Pod was deleted",
        ended(
            137,
            containers=(terminated("main", 137, reason="OOMKilled"),),
            deletion_asked_at=ago(5),
        ),
        EndingKind.FAILED,
        "OOMKilled",
    ),
    (
        "main ended with 0, and then the Pod was deleted",
        succeeded(deletion_asked_at=ago(5)),
        EndingKind.SUCCEEDED,
        "Completed",
    ),
    (
        "main failed, and then the Pod was deleted",
        ended(1, deletion_asked_at=ago(5)),
        EndingKind.FAILED,
        "ContainerFailed",
    ),
    (
        "the Pod was deleted before it had a node",
        a_pod(deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
    (
        "the Pod was deleted while its image was pulled",
        failed(deletion_asked_at=ago(5)),
        EndingKind.DISRUPTED,
        "PodDeleted",
    ),
]
