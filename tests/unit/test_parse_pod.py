"""Pods as API servers send them, and what the lifecycle sees of them."""

from datetime import UTC, datetime

import pytest

from mltask_operator.api.reasons import Reason
from mltask_operator.kube.parse import (
    owner_from,
    pod_from,
)
from mltask_operator.kube.slim import slim_pod
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase, Waiting
from tests.unit.bodies import CREATED, ENDED, STARTED, Json, container, deleted, pod_body
from tests.unit.pods import NAMESPACE, seconds


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def parsed(body: Json) -> Pod:
    owner = owner_from(body)
    assert owner is not None
    return pod_from(body, owner)


# Pods


def test_a_pod_just_created() -> None:
    pod = parsed(pod_body(20))
    assert (pod.namespace, pod.name, pod.uid) == (NAMESPACE, "train-0b5f1c2e-1", "pod-1")
    assert (pod.resource_version, pod.attempt) == ("20", 1)
    assert (pod.is_genuine, pod.is_owned, pod.is_held) == (True, True, True)
    assert (pod.phase, pod.node_name) == (PodPhase.PENDING, None)
    assert not pod.is_being_deleted


def test_a_pod_that_no_node_takes() -> None:
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": CREATED,
        "reason": "Unschedulable",
        "message": "0/2 nodes are available: 2 Insufficient cpu.",
    }
    pod = parsed(pod_body(status={"conditions": [unschedulable]}))
    assert (pod.phase, pod.node_name, pod.disruption) == (PodPhase.PENDING, None, None)
    assert pod.container("main") is None
    assert pod.waiting == Waiting(
        reason=Reason.UNSCHEDULABLE, message="0/2 nodes are available: 2 Insufficient cpu."
    )


def test_a_pod_whose_image_cannot_be_pulled() -> None:
    waiting: Json = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "trainer:1"'}
    pod = parsed(pod_body(status={"containerStatuses": [container(waiting=waiting)]}))
    assert pod.container("main") == Container(name="main", **waiting)
    assert pod.waiting == Waiting(reason=Reason.IMAGE_PULL_BACK_OFF, message=waiting["message"])


def test_a_running_pod() -> None:
    pod = parsed(
        pod_body(
            spec={"nodeName": "n1"},
            status={
                "phase": "Running",
                "containerStatuses": [container(running={"startedAt": STARTED})],
            },
        )
    )
    assert (pod.phase, pod.node_name, pod.waiting) == (PodPhase.RUNNING, "n1", None)
    assert pod.container("main") == Container(name="main", is_running=True, started_at=at(STARTED))


def test_an_ended_pod() -> None:
    ended = {
        "exitCode": 3,
        "reason": "Error",
        "message": "ValueError: no data\n",
        "startedAt": STARTED,
        "finishedAt": ENDED,
        "containerID": "containerd://4f",
    }
    fetched = {**ended, "exitCode": 0, "reason": "Completed"}
    pod = parsed(
        pod_body(
            status={
                "phase": "Failed",
                "initContainerStatuses": [container("fetch", terminated=fetched)],
                "containerStatuses": [container(terminated=ended)],
            }
        )
    )
    assert pod.has_ended
    assert pod.container("main") == Container(
        name="main",
        is_terminated=True,
        exit_code=3,
        reason="Error",
        message="ValueError: no data",
        started_at=at(STARTED),
        finished_at=at(ENDED),
    )
    assert [(c.name, c.exit_code) for c in pod.init_containers] == [("fetch", 0)]


@pytest.mark.parametrize(
    ("times", "finished_at"),
    [
        ({"startedAt": None, "finishedAt": None}, None),
        ({}, None),
        ({"startedAt": "0001-01-01T00:00:00Z", "finishedAt": "0001-01-01T00:00:00Z"}, None),
        ({"startedAt": "1970-01-01T00:00:00Z", "finishedAt": ENDED}, at(ENDED)),
    ],
    ids=["null", "absent", "Go's zero", "the epoch, of a command that could not start"],
)
def test_times_of_a_container_that_never_ran_are_none(
    times: Json, finished_at: datetime | None
) -> None:
    terminated = {"exitCode": 128, "reason": "StartError", **times}
    pod = parsed(pod_body(status={"containerStatuses": [container(terminated=terminated)]}))
    main = pod.container("main")
    assert main is not None
    assert (main.started_at, main.finished_at) == (None, finished_at)


def test_a_pod_rejected_by_its_node_has_no_containers() -> None:
    status: Json = {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough"}
    pod = parsed(pod_body(status=status))
    assert (pod.phase, pod.reason, pod.message, pod.containers) == (*status.values(), ())


@pytest.mark.parametrize("grace_seconds", [0, 30])
def test_deletion_was_asked_for_at_the_start_of_its_grace_period(grace_seconds: int) -> None:
    pod = parsed(pod_body(metadata=deleted(grace_seconds)))
    assert pod.is_being_deleted
    assert pod.deletion_asked_at == at(ENDED)


@pytest.mark.parametrize(
    ("status", "disruption"), [("True", "PreemptionByScheduler"), ("False", None)]
)
def test_disruption_is_that_of_a_true_condition(status: str, disruption: str | None) -> None:
    ready = {"type": "Ready", "status": "True"}
    target = {"type": "DisruptionTarget", "status": status, "reason": "PreemptionByScheduler"}
    assert parsed(pod_body(status={"conditions": [ready, target]})).disruption == disruption


def test_conditions_are_known_with_their_times() -> None:
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": STARTED}
    target = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "lastTransitionTime": ENDED,
    }
    pod = parsed(pod_body(status={"conditions": [scheduled, target]}))
    assert pod.conditions == (("PodScheduled", "True"), ("DisruptionTarget", "True"))
    assert (pod.scheduled_at, pod.disrupted_at) == (at(STARTED), at(ENDED))


def test_a_condition_that_does_not_hold_has_no_time() -> None:
    conditions = [
        {"type": kind, "status": "False", "lastTransitionTime": STARTED}
        for kind in ("PodScheduled", "DisruptionTarget")
    ]
    pod = parsed(pod_body(status={"conditions": conditions}))
    assert (pod.scheduled_at, pod.disrupted_at) == (None, None)


def test_grace_is_the_time_that_a_pod_has_to_end() -> None:
    assert parsed(pod_body(metadata=deleted(30))).deletion_grace == seconds(30)
    assert parsed(pod_body(metadata=deleted(0))).deletion_grace == seconds(0)
    assert parsed(pod_body()).deletion_grace == seconds(0)


@pytest.mark.parametrize(
    ("own_grace", "grace", "is_forced"),
    [(30, 30, False), (30, 0, True), (None, 0, True), (0, 0, False)],
)
def test_a_deletion_by_force_is_shorter_than_the_pods_own_grace_period(
    own_grace: int | None, grace: int, *, is_forced: bool
) -> None:
    spec = {"terminationGracePeriodSeconds": own_grace}
    body = pod_body(metadata=deleted(grace), spec=spec)
    assert parsed(body).is_deleted_by_force is is_forced
    assert parsed(slim_pod(body)).is_deleted_by_force is is_forced
    assert not parsed(pod_body(spec=spec)).is_deleted_by_force


def test_containers_are_found_by_their_names_init_ones_too() -> None:
    pod = parsed(
        pod_body(
            status={
                "initContainerStatuses": [container("a"), container("b")],
                "containerStatuses": [container("c")],
            }
        )
    )
    assert [c.name for c in pod.named(("c", "nobody", "a"))] == ["c", "a"]
    assert pod.container("nobody") is None


def test_a_pod_without_status_is_pending() -> None:
    body = pod_body()
    del body["status"]
    assert parsed(body).phase is PodPhase.PENDING


def test_a_phase_that_kubernetes_may_add_is_unknown() -> None:
    assert parsed(pod_body(status={"phase": "Frozen"})).phase is PodPhase.UNKNOWN


def test_a_copy_under_another_name_is_not_genuine() -> None:
    assert not parsed(pod_body(metadata={"name": "copy"})).is_genuine


@pytest.mark.parametrize("finalizers", [[], None, ["example.org/other"]])
def test_a_pod_without_our_finalizer_is_not_held(finalizers: list[str] | None) -> None:
    assert not parsed(pod_body(metadata={"finalizers": finalizers})).is_held
