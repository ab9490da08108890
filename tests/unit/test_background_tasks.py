"""Each background task of the operator, ended at each request with each kind of exception."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from mltask_operator.access.credentials import NoCredentials
from mltask_operator.api import names
from mltask_operator.kube.api import Api
from mltask_operator.kube.election import Election
from mltask_operator.kube.errors import (
    LONGEST_RETRY_AFTER_SECONDS,
    ApiError,
    Unreachable,
    Unreadable,
    error_from,
)
from mltask_operator.kube.lease import Lease
from mltask_operator.runtime.announcer import Announcer
from mltask_operator.runtime.controller import LOOK_PERIOD, RESYNC_PERIOD, Controller
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.supervisor import LONGEST_PAUSE_SECONDS, Supervisor, TaskEnded
from mltask_operator.runtime.workqueue import LONGEST_BACKOFF, WorkQueue
from tests.fake_api import FakeApi
from tests.unit.bodies import task_body
from tests.unit.leases import SECONDS, Candidate, LeaseServer
from tests.unit.pods import seconds
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
SPEC: dict[str, Any] = {"image": "i", "resources": {"requests": {"cpu": "1"}}}
LISTED = task_body(1, status={"phase": "Succeeded", "attempts": 1})
FAULTS: list[BaseException] = [
    ValueError("Expecting value: line 1 column 1 (char 0)"),
    KeyError("items"),
    NoCredentials("the kubeconfig is half written"),
    ApiError(401, "Unauthorized", "Unauthorized"),
    Unreachable("no answer"),
    Unreadable("the API server's answer is no JSON"),
    asyncio.CancelledError(),
]
each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda each: type(each).__name__)


class Broken(FakeApi):
    """An API server that raises a fault in the next of some requests, and then is well."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, BaseException] = {}
        """By what is requested: the end of the path of a listing."""
        self.requested: list[str] = []

    async def priority_classes(self) -> list[Json]:
        self._request("priorityclasses")
        return []

    async def list(self, path: str, take: Callable[[Any], object], *args: str, **kw: str) -> int:
        self._request(path.rsplit("/", 1)[-1])
        return await super().list(path, take, *args, **kw)

    def _request(self, what: str) -> None:
        self.requested.append(what)
        if fault := self.faults.pop(what, None):
            raise fault


@pytest.fixture
def api() -> Broken:
    return Broken()


@pytest.fixture
async def controller(api: Broken) -> AsyncIterator[Controller]:
    """A controller that acts."""
    made = Controller(api, [], election=None, sees_priorities=True, metrics=Metrics())
    await made.start()
    await let_pass(1)
    api.requested.clear()
    yield made
    made.tasks.check()
    made.check_alive()
    await made.stop()


@each_fault
@pytest.mark.parametrize("request_", ["priorityclasses", "pods", names.PLURAL])
async def test_the_listing_of_everything_goes_on(
    api: Broken, controller: Controller, fault: BaseException, request_: str
) -> None:
    del controller
    api.faults[request_] = fault
    await let_pass(2 * RESYNC_PERIOD.total_seconds() + 10)
    assert api.requested.count(names.PLURAL) >= 2


@each_fault
async def test_the_look_for_new_tasks_goes_on(
    api: Broken, controller: Controller, fault: BaseException
) -> None:
    api.faults[names.PLURAL] = fault
    for _ in range(2):
        controller.on_task_event(None, LISTED)
        await let_pass(LOOK_PERIOD.total_seconds() + 2)
    assert api.requested.count(names.PLURAL) >= 2


@each_fault
async def test_priorities_are_learned_after_a_fault(
    api: Broken, controller: Controller, fault: BaseException
) -> None:
    api.is_quota_full = True
    api.faults["priorityclasses"] = fault
    task = api.create_task(
        "team-a", "t", {**SPEC, "template": {"spec": {"priorityClassName": "x"}}}
    )
    controller.on_task_event("ADDED", task)
    await let_pass(30)
    assert api.requested.count("priorityclasses") >= 2


@each_fault
@pytest.mark.parametrize("number", range(4))
async def test_a_standby_becomes_the_leader_or_its_process_ends(
    api: Broken, fault: BaseException, number: int
) -> None:
    server = LeaseServer()
    holder = Candidate(server, "a")
    await let_pass(2)
    requests = 0

    class Once:
        async def request(self, *args: Any) -> Any:
            nonlocal requests
            requests += 1
            if requests == number + 1:
                raise fault
            return await server.request(*args)

    clock = asyncio.get_running_loop().time
    lease = Lease(cast(Api, Once()), "system", "operator", "b", SECONDS, clock)
    losses: list[str] = []
    standby = Controller(
        api,
        [],
        election=Election(lease, losses.append),
        sees_priorities=False,
        metrics=Metrics(),
    )
    await standby.start()
    await let_pass(SECONDS)
    holder.die()
    await let_pass(3 * SECONDS)
    if isinstance(fault, asyncio.CancelledError):
        with pytest.raises(TaskEnded, match="election"):
            standby.tasks.check()
        with pytest.raises(RuntimeError, match="election"):
            standby.check_alive()
    else:
        assert server.holder == "b"
        standby.check_alive()
    assert losses == []
    await standby.stop()


@each_fault
async def test_each_worker_goes_on_and_its_key_is_not_lost(fault: BaseException) -> None:
    calls: list[str] = []

    async def work(key: str) -> timedelta | None:
        calls.append(key)
        if len(calls) <= 4:
            raise fault
        return None

    supervisor = Supervisor()
    queue = WorkQueue(work, 2)
    queue.start(supervisor)
    for key in "abcd":
        queue.wake(key)
    await let_pass(LONGEST_BACKOFF.total_seconds() + LONGEST_PAUSE_SECONDS)
    assert sorted(calls) == sorted("abcd" * 2)
    supervisor.check_alive()
    await queue.stop(seconds(1))
    supervisor.check()


async def test_an_absurd_retry_after_pauses_for_a_bounded_time() -> None:
    calls: list[float] = []

    async def work(_: str) -> timedelta | None:
        calls.append(asyncio.get_running_loop().time())
        raise error_from(429, b"{}", "99999999999999")

    queue = WorkQueue(work, 1)
    queue.start(Supervisor())
    queue.wake("a")
    await let_pass(LONGEST_RETRY_AFTER_SECONDS + 1)
    assert calls == [0, LONGEST_RETRY_AFTER_SECONDS]
    await queue.stop(seconds(1))


@each_fault
async def test_events_after_a_fault_are_posted(fault: BaseException) -> None:
    posted: list[int] = []
    faults = [fault] * 4

    async def post(event: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()
        posted.append(event["n"])

    announcer = Announcer(post)
    for n in range(10):
        announcer.tell({"metadata": {"namespace": "team-a"}, "n": n})
    await let_pass(60)
    assert posted == [4, 5, 6, 7, 8, 9]
    with contextlib.suppress(asyncio.CancelledError):
        await announcer.stop()
