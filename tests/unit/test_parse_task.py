"""MLTasks as API servers send them, and what the lifecycle sees of them."""

from datetime import datetime

import pytest

from mltask_operator.api.status import MLTaskStatus, Phase
from mltask_operator.kube.parse import is_finished, task_from
from mltask_operator.lifecycle.quota_demand import demand_of_task
from mltask_operator.lifecycle.rules import Rules
from tests.unit.bodies import ENDED, STARTED, Json, task_body
from tests.unit.builders import SPEC
from tests.unit.pods import NAME, NAMESPACE, UID, seconds


def test_a_task_just_created() -> None:
    task = task_from(task_body(10))
    assert (task.namespace, task.name, task.uid) == (NAMESPACE, NAME, UID)
    assert (task.resource_version, task.generation) == ("10", 1)
    assert not task.is_being_deleted
    assert task.requests == {"cpu": "1"}
    assert task.demand == demand_of_task(SPEC)
    assert task.status.phase is Phase.PENDING


@pytest.mark.parametrize("status", [None, {}])
def test_a_task_without_status_is_pending(status: Json | None) -> None:
    body = task_body()
    body["status"] = status
    assert task_from(body).status.phase is Phase.PENDING


def test_a_task_that_is_being_deleted() -> None:
    body = task_body()
    body["metadata"] |= {"deletionTimestamp": ENDED, "finalizers": ["foregroundDeletion"]}
    assert task_from(body).is_being_deleted


def test_of_a_finished_task_no_more_is_kept_than_its_release_and_expiry_ask_for() -> None:
    evidence = {"logTail": "x" * 2048, "message": "y" * 256}
    body = task_body(status={"phase": "Failed", "attempts": 3, **evidence})
    body["spec"] = {**SPEC, "backoffLimit": 2, "ttlSecondsAfterFinished": 60}
    task = task_from(body)
    assert task.status == MLTaskStatus(phase=Phase.FAILED, attempts=3)
    assert (task.requests, task.rules) == ({}, Rules(ttl=seconds(60)))
    assert task.settled_attempts == 3


@pytest.mark.parametrize("phase", Phase)
def test_an_outcome_is_told_by_the_phase_alone(phase: Phase) -> None:
    body = task_body(status={"phase": phase.value})
    assert is_finished(body) is task_from(body).status.is_finished
    assert not is_finished(task_body(status=None))


def test_status_is_read_as_it_was_written() -> None:
    record = {
        "attempt": 1,
        "reason": "PodEvicted",
        "podName": "train-0b5f1c2e-1",
        "completionTime": ENDED,
    }
    condition = {
        "type": "Finished",
        "status": "True",
        "reason": "Completed",
        "message": "",
        "lastTransitionTime": ENDED,
    }
    written = {
        "phase": "Running",
        "attempts": 2,
        "startTime": STARTED,
        "history": [record],
        "conditions": [condition],
    }
    status = task_from(task_body(status=written)).status
    dumped = status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    assert dumped == written


def test_status_fields_of_a_newer_version_are_ignored() -> None:
    condition = {
        "type": "Finished",
        "status": "True",
        "reason": "Completed",
        "message": "",
        "lastTransitionTime": ENDED,
        "observedGeneration": 1,
    }
    newer = {"phase": "Succeeded", "gang": {"size": 4}, "conditions": [condition]}
    task = task_from(task_body(status=newer))
    assert task.status.is_finished
    assert task.finished_at == datetime.fromisoformat(ENDED)


def test_a_phase_of_a_newer_version_is_not_understood() -> None:
    task = task_from(task_body(status={"phase": "Paused"}))
    assert task.unknown is not None
    assert task.unknown.startswith("phase: ")


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_of_this_version_is_understood(phase: Phase) -> None:
    assert task_from(task_body(status={"phase": phase.value})).unknown is None


def test_the_rules_of_its_life_are_read_off_the_spec() -> None:
    body = task_body()
    body["spec"] = {**SPEC, "backoffLimit": 2, "suspend": True}
    assert task_from(body).rules == Rules(backoff_limit=2, is_suspended=True)


@pytest.mark.parametrize(
    ("requests", "asked"),
    [({"memory": "2Gi"}, 2**31), ({"memory": "1500m"}, 2), ({"cpu": "1"}, None), (None, None)],
)
def test_memory_that_grows_is_read_off_status(requests: Json | None, asked: int | None) -> None:
    allocation = {"allocation": {"requests": requests, "seconds": 0}} if requests else {}
    body = task_body(status={"phase": "Pending", **allocation})
    growth = {"maxMemory": "4Gi"}
    body["spec"] = {**SPEC, "resources": {"requests": {"memory": "1Gi"}}, "onOutOfMemory": growth}
    assert task_from(body).asked_memory == asked
    del body["spec"]["onOutOfMemory"]
    assert task_from(body).asked_memory is None


def test_labels_for_kueue_are_handed_on_and_no_others() -> None:
    body = task_body()
    assert task_from(body).handed_on_labels == {}
    queue = {"kueue.x-k8s.io/queue-name": "team-queue"}
    others = {"team": "vision", "kueue.x-k8s.io/a": "b"}
    body["metadata"]["labels"] = {**queue, **others}
    assert task_from(body).handed_on_labels == queue
