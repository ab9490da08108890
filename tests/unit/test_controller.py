"""What the controller does beside the tasks whose events it is told of."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from mltask_operator.api.names import pod_name
from mltask_operator.kube.election import Election
from mltask_operator.runtime.controller import LOOK_PERIOD, WORKERS_PER_NAMESPACE, Controller
from mltask_operator.runtime.metrics import Metrics
from tests.fake_api import FakeApi
from tests.unit.bodies import task_body
from tests.unit.simulated_kubelet import SimulatedKubelet
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
LISTED_OF_OLD = task_body(1, status={"phase": "Succeeded", "attempts": 1})


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
async def controller(api: FakeApi) -> AsyncIterator[Controller]:
    """A controller that acts, and whose watches have shown nothing yet."""
    made = Controller(api, [], election=None, sees_priorities=False, metrics=Metrics())
    await made.start()
    yield made
    await made.stop()


async def test_it_acts_for_what_was_there_before_it(api: FakeApi) -> None:
    api.create_task("team-a", "early", SPEC)
    controller = Controller(api, [], election=None, sees_priorities=False, metrics=Metrics())
    await controller.start()
    await let_pass()
    assert len(api.created) == 1
    await controller.stop()


async def test_a_new_task_does_not_wait_until_kopf_has_listed_the_old_ones(
    api: FakeApi, controller: Controller
) -> None:
    api.create_task("team-a", "new", SPEC)
    controller.on_task_event(None, LISTED_OF_OLD)
    await let_pass(LOOK_PERIOD.total_seconds() + 1)
    assert len(api.created) == 1


async def test_where_watches_run_nothing_is_read_beside_them(
    api: FakeApi, controller: Controller
) -> None:
    controller.on_task_event(None, LISTED_OF_OLD)
    await let_pass(LOOK_PERIOD.total_seconds() + 1)
    # The listing is over: this one is the watch's to show.
    shown = api.create_task("team-a", "new", SPEC)
    await let_pass(60)
    assert api.created == []
    controller.on_task_event("ADDED", shown)
    await let_pass()
    assert len(api.created) == 1


class SlowToCreate(FakeApi):
    """An API server that takes two seconds for a Pod."""

    async def create_pod(self, namespace: str, manifest: str) -> dict[str, Any]:
        await asyncio.sleep(2)
        return await super().create_pod(namespace, manifest)


async def test_pods_that_others_wait_for_come_before_news_of_one_that_runs() -> None:
    epoch, time = datetime.now(UTC), asyncio.get_running_loop().time

    def clock() -> datetime:
        return epoch + timedelta(seconds=time())

    api = SlowToCreate()
    controller = Controller(
        api, [], election=None, sees_priorities=False, metrics=Metrics(), clock=clock
    )
    await controller.start()

    def create(*names: str) -> None:
        for name in names:
            controller.on_task_event("ADDED", api.create_task("team-a", name, SPEC))

    def phase() -> str:
        return str(api.tasks["team-a", "first"]["status"]["phase"])

    create("first")
    await let_pass(3)
    [pod] = api.pods.values()
    SimulatedKubelet(api).start(pod, clock())
    controller.on_pod_event("MODIFIED", pod)
    await let_pass(0.5)
    create(*(f"now-{number}" for number in range(WORKERS_PER_NAMESPACE)))
    await let_pass(1)
    create(*(f"then-{number}" for number in range(WORKERS_PER_NAMESPACE)))
    await let_pass(1.5)
    assert (len(api.created), phase()) == (1 + WORKERS_PER_NAMESPACE, "Pending")
    await let_pass(5)
    assert phase() == "Running"
    await controller.stop()


class SlowWithEvents(FakeApi):
    """An API server that takes its time for Events."""

    async def create_event(self, event: dict[str, Any]) -> None:
        await asyncio.sleep(0.5)
        await super().create_event(event)


class Candidacy:
    """An election that is won at once, or never."""

    def __init__(self, api: FakeApi, *, is_won: bool) -> None:
        self._api = api
        self._is_won = is_won
        self.told: list[str] = []
        """What had been told when it gave the Lease back."""

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        if self._is_won:
            await lead()
        await asyncio.sleep(3600)

    async def resign(self) -> None:
        self.told = [event["reason"] for event in self._api.events]


def a_candidate(api: FakeApi, candidacy: Candidacy) -> Controller:
    election = cast(Election, candidacy)
    return Controller(api, [], election=election, sees_priorities=False, metrics=Metrics())


async def test_what_is_under_way_is_told_before_another_may_lead() -> None:
    api = SlowWithEvents()
    api.is_quota_full = True
    api.create_task("team-a", "waiting", SPEC)
    candidacy = Candidacy(api, is_won=True)
    controller = a_candidate(api, candidacy)
    await controller.start()
    await let_pass()
    assert api.events == []
    await controller.stop()
    assert candidacy.told == ["QuotaExceeded"]


async def test_who_stands_by_tells_nothing() -> None:
    api = FakeApi()
    api.is_quota_full = True
    task = api.create_task("team-a", "waiting", SPEC)
    standby = a_candidate(api, Candidacy(api, is_won=False))
    await standby.start()
    standby.on_task_event("ADDED", task)
    await let_pass(60)
    await standby.stop()
    assert api.events == []


@pytest.mark.parametrize(
    "claim",
    [{"name": "x/y"}, {"name": "?watch=true"}, {"name": "no-such-task"}, {"uid": "u2"}],
    ids=["a path", "a query", "a task that is not there", "another task's uid"],
)
async def test_a_forged_pod_is_released_once_it_is_deleted(
    api: FakeApi, controller: Controller, claim: dict[str, str]
) -> None:
    real = api.create_task("team-a", "real", SPEC)
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "controller": True}
    forged = {
        "namespace": "team-b",
        "name": "forged",
        "labels": {"mltask.dev/task-uid": "u"},
        "ownerReferences": [{**owner, "name": "real", "uid": real["metadata"]["uid"], **claim}],
        "finalizers": ["mltask.dev/tracking"],
    }
    shown = await api.create_pod("team-b", json.dumps({"metadata": forged, "spec": {}}))
    controller.on_pod_event("ADDED", shown)
    controller.on_task_event("ADDED", real)
    await let_pass()
    assert api.created[1:] == [pod_name("real", real["metadata"]["uid"], 1)]
    controller.on_pod_event("MODIFIED", api.remove_pod("team-b", "forged"))
    await let_pass()
    assert ("team-b", "forged") not in api.pods
