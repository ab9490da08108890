"""Adoption: the attempt's Pod name exists already, and no watch has shown that Pod."""

from collections.abc import Callable
from typing import Any

import pytest

from mltask_operator.runtime.reconciler import MAX_ACTIONS
from tests.fake_api import FakeApi, Fault
from tests.unit.clock import Clock
from tests.unit.simulated_operator import SimulatedOperator

NAMESPACE, NAME = "team-a", "train"
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
Body = dict[str, Any]


class Scene:
    """A task with a Pod that its operator does not know, because the answer was lost."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.api = FakeApi(self.clock)
        self.operator = SimulatedOperator(self.api, self.clock)
        self.uid: str = self.api.create_task(NAMESPACE, NAME, SPEC)["metadata"]["uid"]
        self.operator.restart()
        self.operator.reconcile(self.uid, Fault.ANSWER_LOST)

    @property
    def pod(self) -> Body:
        """The only Pod."""
        [pod] = self.api.pods.values()
        return pod

    def status(self) -> Body:
        """Let the operator retry, and return the task's status."""
        self.clock.pass_seconds(5)
        self.operator.reconcile(self.uid, None)
        found: Body = self.api.tasks[NAMESPACE, NAME]["status"]
        return found


def test_the_attempts_own_pod_is_adopted_without_a_watch_event() -> None:
    scene = Scene()
    scene.status()
    seen = scene.operator.store.observe(scene.uid)
    assert seen
    assert [pod.uid for pod in seen.pods] == [scene.pod["metadata"]["uid"]]
    assert scene.api.created == [scene.pod["metadata"]["name"]]


def test_a_missing_label_that_the_watch_selects_on_is_restored() -> None:
    scene = Scene()
    scene.pod["metadata"]["labels"].clear()
    scene.status()
    assert scene.pod["metadata"]["labels"]["mltask.dev/task-uid"] == scene.uid


@pytest.mark.parametrize(
    "forge",
    [
        lambda metadata: metadata.pop("ownerReferences"),
        lambda metadata: metadata["ownerReferences"][0].update(uid="somebody-else"),
    ],
    ids=["no owner", "another task"],
)
def test_the_pod_of_another_owner_is_reported_and_not_changed(
    forge: Callable[[Body], object],
) -> None:
    scene = Scene()
    forge(scene.pod["metadata"])
    before = scene.pod["metadata"]["resourceVersion"]
    assert scene.status()["reason"] == "PodNameTaken"
    assert scene.pod["metadata"]["resourceVersion"] == before


def test_a_pod_that_exists_but_reads_as_gone_does_not_cause_a_hot_loop() -> None:
    scene = Scene()
    scene.api.is_read_stale = True
    with pytest.raises(RuntimeError, match="CreatePod"):
        scene.operator.reconcile(scene.uid, None)
    assert scene.api.pods_read == [scene.pod["metadata"]["name"]] * MAX_ACTIONS
    scene.api.is_read_stale = False
    scene.status()
    seen = scene.operator.store.observe(scene.uid)
    assert seen
    assert [pod.uid for pod in seen.pods] == [scene.pod["metadata"]["uid"]]
