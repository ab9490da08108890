"""A user removes the label that the Pods' watch selects on, or the finalizer, at some moment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.metrics import Metrics
from tests.fake_api import FakeApi
from tests.unit.simulated_kubelet import SimulatedKubelet
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
SPEC: Json = {
    "image": "i",
    "resources": {"requests": {"cpu": "1"}},
    "backoffLimit": 3,
    "backoff": {"baseSeconds": 1},
}


class Held(FakeApi):
    """An API server that takes a second for one sort of request."""

    slow = ""

    async def patch_status(self, *args: Any, **options: Any) -> Json:
        await self._hold("patch_status")
        return await super().patch_status(*args, **options)

    async def delete_pod(self, *args: Any, **options: Any) -> Json:
        await self._hold("delete_pod")
        return await super().delete_pod(*args, **options)

    async def release_pod(self, *args: Any, **options: Any) -> Json:
        await self._hold("release_pod")
        return await super().release_pod(*args, **options)

    async def _hold(self, request: str) -> None:
        if request == self.slow:
            await asyncio.sleep(1)


class Scene:
    """A task with a running Pod, and the controller that cares for it."""

    def __init__(self) -> None:
        epoch, time = datetime.now(UTC), asyncio.get_running_loop().time
        self.clock: Callable[[], datetime] = lambda: epoch + timedelta(seconds=time())
        self.api = Held(self.clock)
        self.kubelet = SimulatedKubelet(self.api)
        self.controller = Controller(
            self.api,
            [],
            election=None,
            sees_priorities=False,
            metrics=Metrics(),
            clock=self.clock,
        )
        self.api.on_event = self._show

    @property
    def pod(self) -> Json:
        """The first Pod that exists."""
        return next(iter(self.api.pods.values()))

    @property
    def status(self) -> Json:
        """The task's status."""
        status: Json = self.api.tasks["a", "t"]["status"]
        return status

    async def start(self) -> None:
        await self.controller.start()
        self.api.create_task("a", "t", SPEC)
        await let_pass(1)
        self.kubelet.start(self.pod, self.clock())
        await let_pass(3)

    def strip(self) -> None:
        """Remove the Pod's labels."""
        self.api.remove_labels("a", self.pod["metadata"]["name"])

    async def succeed(self) -> None:
        """Let each Pod of the task succeed, for ten minutes."""
        for _ in range(600):
            await let_pass(1)
            for pod in self.kubelet.live_pods():
                self.kubelet.start(pod, self.clock())
                self.kubelet.end_container(pod, 0, self.clock())

    def _show(self, kind: str, event: str, body: Json) -> None:
        if kind == "pods":
            self.controller.on_pod_event(event, body)
        else:
            self.controller.on_task_event(event, body)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.start()
    yield scene
    await scene.controller.stop()


async def test_a_running_pod_gets_its_labels_back(scene: Scene) -> None:
    labels = dict(scene.pod["metadata"]["labels"])
    scene.strip()
    await let_pass(1)
    assert scene.pod["metadata"]["labels"] == labels
    await scene.succeed()
    assert (scene.status["phase"], scene.status["attempts"]) == ("Succeeded", 1)
    assert scene.api.pods == {}


@pytest.mark.parametrize("slow", ["patch_status", "delete_pod", "release_pod"])
async def test_a_pod_is_freed_that_loses_its_labels_while_a_request_is_under_way(
    scene: Scene, slow: str
) -> None:
    scene.api.slow = slow
    scene.kubelet.end_container(scene.pod, 1, scene.clock())
    await let_pass(0.5)
    scene.strip()
    await let_pass(2)
    scene.api.slow = ""
    await scene.succeed()
    assert (scene.status["phase"], scene.status["attempts"]) == ("Succeeded", 2)
    assert scene.api.pods == {}


async def test_a_pod_is_freed_that_loses_its_labels_while_its_node_ends_it(scene: Scene) -> None:
    scene.api.change_spec("a", "t", suspend=True)
    await let_pass(2)
    scene.strip()
    await let_pass(2)
    scene.kubelet.kill(scene.pod, 143, scene.clock())
    await let_pass(5)
    assert scene.api.pods == {}
    scene.api.change_spec("a", "t", suspend=False)
    await scene.succeed()
    assert scene.status["phase"] == "Succeeded"


async def test_a_pod_is_freed_that_loses_its_labels_while_no_watch_runs(scene: Scene) -> None:
    scene.api.on_event = lambda *_: None
    scene.kubelet.end_container(scene.pod, 0, scene.clock())
    scene.strip()
    scene.controller.on_listing("/api/v1/pods")
    scene.controller.on_listing("/api/v1/pods")
    await let_pass(5)
    assert scene.status["phase"] == "Succeeded"
    assert scene.api.pods == {}


async def test_a_pod_that_went_without_its_finalizer_is_asked_for_once(scene: Scene) -> None:
    name = scene.pod["metadata"]["name"]
    del scene.api.pods["a", name]["spec"]["nodeName"]  # so that its deletion takes no time
    scene.api.on_event = lambda *_: None
    scene.api.remove_finalizers("a", name)
    shown = scene.api.remove_pod("a", name)
    scene.controller.on_pod_event("DELETED", shown)
    await let_pass(0.5)
    assert scene.api.pods_read == [name]


async def test_nobody_asks_for_a_pod_that_the_operator_released(scene: Scene) -> None:
    await scene.succeed()
    assert scene.api.pods == {}
    assert scene.api.pods_read == []


async def test_labels_of_a_deleted_tasks_pod_do_not_matter(scene: Scene) -> None:
    scene.strip()
    scene.api.user_deletes_task("a", "t")
    await let_pass(1)
    name = scene.pod["metadata"]["name"]
    scene.api.remove_pod("a", name)
    await let_pass(1)
    scene.kubelet.kill(scene.pod, 143, scene.clock())
    await let_pass(1)
    assert scene.api.pods == {}
