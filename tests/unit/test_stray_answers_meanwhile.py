"""The Controller, while something that is not the API server answers one sort of request.

Nothing is lost or repeated, whether the request had reached the API server or not. The operator
continues when good answers return, and a log line names the fault.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from mltask_operator.kube.errors import StrayAnswer, error_from
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.server import Server
from tests.fake_api import FakeApi
from tests.unit.simulated_kubelet import SimulatedKubelet
from tests.unit.stray_answers import HTML
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
REQUESTS = (
    "create_pod",
    "get_pod",
    "delete_pod",
    "hold_pod",
    "release_pod",
    "get_task",
    "delete_task",
    "patch_status",
    "create_event",
    "list",
)
SPEC: Json = {
    "image": "i",
    "resources": {"requests": {"cpu": "1"}},
    "backoffLimit": 1,
    "backoff": {"baseSeconds": 1},
}
STRAY_SECONDS = 120


class Proxied:
    """An API server behind a proxy, which answers one sort of request itself for a while."""

    def __init__(self, api: FakeApi, request: str, *, reaches: bool) -> None:
        self._api = api
        self._request = request
        self._reaches = reaches
        self.stray: OSError | None = None
        """What the proxy answers, while it does."""

    def __getattr__(self, name: str) -> Any:
        request = getattr(self._api, name)
        if name != self._request:
            return request

        async def through(*args: Any, **options: Any) -> Any:
            if self.stray is None:
                return await request(*args, **options)
            if self._reaches:
                await request(*args, **options)
            raise self.stray

        return through


class Scene:
    """Tasks of each fate, and the controller that cares for them."""

    def __init__(self, request: str, *, reaches: bool) -> None:
        epoch, time = datetime.now(UTC), asyncio.get_running_loop().time
        self.clock: Callable[[], datetime] = lambda: epoch + timedelta(seconds=time())
        self.api = FakeApi(self.clock)
        self.proxy = Proxied(self.api, request, reaches=reaches)
        self.kubelet = SimulatedKubelet(self.api)
        self.most_pods = 0
        self.controller = Controller(
            cast(Server, self.proxy),
            [],
            election=None,
            sees_priorities=False,
            metrics=Metrics(),
            clock=self.clock,
        )
        self.api.on_event = self._show

    def _show(self, kind: str, event: str, body: Json) -> None:
        if kind == "pods":
            owners = [p["metadata"]["ownerReferences"][0]["uid"] for p in self.api.pods.values()]
            self.most_pods = max([self.most_pods, *map(owners.count, owners)])
            self.controller.on_pod_event(event, body)
        else:
            self.controller.on_task_event(event, body)

    async def run_pods(self, seconds: int) -> None:
        """Let nodes run and end Pods. Those of the task `fails` fail; the others succeed."""
        for _ in range(seconds):
            await let_pass(1)
            for pod in self.kubelet.live_pods():
                if "deletionTimestamp" in pod["metadata"]:
                    if "nodeName" in pod["spec"]:
                        self.kubelet.kill(pod, 143, self.clock())
                    continue
                self.kubelet.start(pod, self.clock())
                name = pod["metadata"]["labels"]["mltask.dev/task"]
                if not (self.proxy.stray and name == "suspended"):
                    self.kubelet.end_container(pod, int(name == "fails"), self.clock())


@pytest.mark.parametrize("reaches", [False, True], ids=["in its place", "after it"])
@pytest.mark.parametrize("request_name", REQUESTS)
async def test_nothing_is_lost_or_repeated(
    request_name: str, *, reaches: bool, caplog: pytest.LogCaptureFixture
) -> None:
    scene = Scene(request_name, reaches=reaches)
    api = scene.api
    await scene.controller.start()
    scene.proxy.stray = error_from(404, HTML.encode())
    api.create_task("a", "succeeds", SPEC)
    api.create_task("a", "fails", SPEC)
    api.create_task("a", "expires", {**SPEC, "ttlSecondsAfterFinished": 1})
    api.create_task("a", "suspended", SPEC)
    await scene.run_pods(10)
    api.change_spec("a", "suspended", suspend=True)
    await scene.run_pods(STRAY_SECONDS)
    api.change_spec("a", "suspended", suspend=False)
    await scene.run_pods(10)
    scene.proxy.stray = None
    await scene.run_pods(300)
    phases = {name: task["status"]["phase"] for (_, name), task in api.tasks.items()}
    assert phases == {"succeeds": "Succeeded", "fails": "Failed", "suspended": "Succeeded"}
    assert (api.tasks["a", "fails"]["status"]["failures"], api.pods) == (2, {})
    assert len(api.created) == len(set(api.created)), "an attempt was made twice"
    assert scene.most_pods == 1, "a task had two Pods at once"
    assert not [record for record in caplog.records if record.exc_info]
    await scene.controller.stop()


@pytest.mark.parametrize("code", [200, 302, 400, 403, 404, 409, 413, 422, 502])
async def test_it_is_told_in_status_and_fails_no_task(code: int) -> None:
    scene = Scene("create_pod", reaches=False)
    await scene.controller.start()
    scene.proxy.stray = StrayAnswer(code, HTML)
    scene.api.create_task("a", "t", SPEC)
    await let_pass(60)
    status = scene.api.tasks["a", "t"]["status"]
    assert (status["phase"], status["reason"]) == ("Pending", "ApiServerFailed")
    assert f"HTTP {code}" in status["message"]
    scene.proxy.stray = None
    await scene.run_pods(60)
    assert scene.api.tasks["a", "t"]["status"]["phase"] == "Succeeded"
    await scene.controller.stop()


async def test_one_line_says_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene("patch_status", reaches=False)
    await scene.controller.start()
    scene.proxy.stray = error_from(404, HTML.encode())
    scene.api.create_task("a", "t", SPEC)
    await scene.run_pods(60)
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "HTTP 404 is not an answer of the API server" in warning.getMessage()
    assert "a/t" in warning.getMessage()
    await scene.controller.stop()
