"""A Pod of the attempt's name is there already, and no watch has shown it: whose is it?"""

from collections.abc import Callable
from typing import Any

import pytest

from mltask_operator.kube.errors import ApiError
from mltask_operator.runtime.reconciler import MAX_ACTIONS
from tests.fake_api import FakeApi, Fault
from tests.unit.clock import Clock
from tests.unit.simulated_operator import SimulatedOperator

NAMESPACE, NAME = "team-a", "train"
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
Body = dict[str, Any]


class Scene:
    """A task whose Pod was made, and whose operator has not heard of that."""

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
        """Let the operator try again, and return the task's status."""
        self.clock.pass_seconds(5)
        self.operator.reconcile(self.uid, None)
        found: Body = self.api.tasks[NAMESPACE, NAME]["status"]
        return found


def test_the_attempts_own_pod_is_known_without_a_watch() -> None:
    scene = Scene()
    scene.status()
    seen = scene.operator.store.observe(scene.uid)
    assert seen
    assert [pod.uid for pod in seen.pods] == [scene.pod["metadata"]["uid"]]
    assert scene.api.created == [scene.pod["metadata"]["name"]]


def test_what_it_is_watched_by_is_put_back() -> None:
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
    ids=["of nobody", "of another task"],
)
def test_another_ones_pod_is_told_of_and_left_alone(forge: Callable[[Body], object]) -> None:
    scene = Scene()
    forge(scene.pod["metadata"])
    before = scene.pod["metadata"]["resourceVersion"]
    assert scene.status()["reason"] == "PodNameTaken"
    assert scene.pod["metadata"]["resourceVersion"] == before


def test_one_that_is_there_and_is_not_keeps_nobody_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    # As a broken cache in between would tell it: names are taken, and nobody has them.
    scene = Scene()
    asked = []

    async def find_nothing(namespace: str, name: str) -> Body:
        asked.append(name)
        raise ApiError(404, "NotFound", f"pods {name} not found")

    monkeypatch.setattr(scene.api, "get_pod", find_nothing)
    with pytest.raises(RuntimeError, match="acted 20 times in one go, the last time by CreatePod"):
        scene.operator.reconcile(scene.uid, None)
    assert len(asked) == MAX_ACTIONS
