"""How the reconciler asks for quota: one after another, whatever befalls the one before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.runtime.listing import Lister
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.reconciler import Reconciler
from mltask_operator.runtime.set_aside import SetAside
from mltask_operator.runtime.store import Store
from tests.unit.clock import Clock
from tests.unit.pods import NAMESPACE
from tests.unit.quota_api import QuotaApi

Json = dict[str, Any]

SPEC: Json = {"image": "i", "resources": {"requests": {"cpu": "1"}}}


class Team:
    """A namespace with a full quota, and the operator that sees to its tasks."""

    def __init__(self, clock: Clock, store: Store) -> None:
        self.clock = clock
        self.store = store
        self.api = QuotaApi(clock, hard=20)
        self.api.others = 20
        self.lister = Lister(self.api, store, [None], SetAside(lambda _: None))
        self.woken: list[str] = []
        self.queue = QuotaQueue(self.woken.append, lambda _: 0)
        self.queue.note_quota(None, self.api.quota(NAMESPACE))
        self.reconciler = Reconciler(
            self.api,
            store,
            self.queue,
            clock,
            Metrics(),
            self.api.events.append,
            is_crowded=lambda: False,
        )
        self.asked: list[str] = []
        self.befalls: Callable[[], None] = lambda: None
        """What happens while a creation is under way."""
        self.api.on_ask = self.ask

    def ask(self, uid: str, has_room: bool) -> None:  # noqa: FBT001 (a callback)
        self.asked.append(uid)
        self.befalls()

    async def create(self, **spec: Any) -> str:
        """Create a task and see to it; return its uid."""
        self.clock.pass_seconds(1)
        name = f"t{len(self.api.tasks)}"
        uid: str = self.api.create_task(NAMESPACE, name, {**SPEC, **spec})["metadata"]["uid"]
        await self.lister.list_all()
        await self.reconciler.reconcile(uid)
        return uid

    def release(self) -> None:
        """Have another's Pod go; the watch shows it."""
        self.api.others -= 1
        self.queue.note_quota("MODIFIED", self.api.quota(NAMESPACE))

    def take(self) -> None:
        """Have another's Pod come; the watch shows it."""
        self.api.others += 1
        self.queue.note_quota("MODIFIED", self.api.quota(NAMESPACE))

    def status_of(self, uid: str) -> Json:
        [found] = [t for t in self.api.tasks.values() if t["metadata"]["uid"] == uid]
        status: Json = found["status"]
        return status


@pytest.fixture
def team(clock: Clock, store: Store) -> Team:
    return Team(clock, store)


async def test_only_the_first_asks(team: Team) -> None:
    first, second = await team.create(), await team.create()
    assert team.asked == [first]
    for uid in (first, second):
        assert team.status_of(uid)["reason"] == "QuotaExceeded"
    assert "after t0" in team.status_of(second)["message"]


async def test_each_release_lets_one_in_and_has_the_next_refused(team: Team) -> None:
    uids = [await team.create() for _ in range(4)]
    team.asked.clear()
    team.release()
    while team.woken:
        await team.reconciler.reconcile(team.woken.pop(0))
    assert team.asked == uids[:2]
    assert len(team.api.pods) == 1


async def test_a_release_while_the_request_is_under_way_is_not_missed(team: Team) -> None:
    # There was room for a moment, of which the answer does not know.
    def release_and_take() -> None:
        team.befalls = lambda: None
        team.release()
        team.take()

    team.befalls = release_and_take
    first = await team.create()
    assert team.asked == [first, first]


@pytest.mark.parametrize(
    "error",
    [Unreachable("no answer"), ApiError(429, "TooManyRequests", "later")],
    ids=["no answer", "too many requests"],
)
async def test_an_error_of_the_first_lets_the_next_go_on(team: Team, error: OSError) -> None:
    def fail() -> None:
        raise error

    first, second = await team.create(), await team.create()
    team.release()
    team.befalls = fail
    with pytest.raises(type(error)):
        await team.reconciler.reconcile(first)
    assert team.woken[-1] == second
    team.befalls = lambda: None
    await team.reconciler.reconcile(second)
    assert len(team.api.pods) == 1


async def test_who_is_refused_for_another_reason_when_its_turn_has_come_is_told_so(
    team: Team,
) -> None:
    def forbid() -> None:
        raise ApiError(403, "Forbidden", "violates PodSecurity")

    first, second = await team.create(), await team.create()
    team.asked.clear()
    team.release()
    team.befalls = forbid
    await team.reconciler.reconcile(first)
    assert team.asked == [first]
    assert team.status_of(first)["reason"] == "PodForbidden"
    assert team.woken[-1] == second


async def test_the_first_that_is_deleted_lets_the_next_go_on(team: Team) -> None:
    first, second = await team.create(), await team.create()
    team.api.user_deletes_task(NAMESPACE, "t0")
    team.store.record_task_removed(first)
    await team.reconciler.reconcile(first)
    assert team.woken == [second]


async def test_one_that_is_not_to_run_any_more_stands_in_no_queue(team: Team) -> None:
    first, second = await team.create(), await team.create()
    team.api.change_spec(NAMESPACE, "t0", suspend=True)
    await team.lister.list_all()
    await team.reconciler.reconcile(first)
    assert team.woken == [second]
    assert team.status_of(first)["phase"] == "Suspended"


async def test_the_too_large_is_told_so_and_waits_apart(team: Team) -> None:
    team.api.hard = 0
    first = await team.create()
    assert "more than the quota holds in all" in team.status_of(first)["message"]
    second = await team.create()
    assert team.asked == [first, second]


async def test_a_larger_quota_while_the_too_large_asks_is_not_missed(team: Team) -> None:
    # The answer is from before.
    def enlarge() -> None:
        team.befalls = lambda: None
        team.api.hard = 30
        team.queue.note_quota("MODIFIED", team.api.quota(NAMESPACE))
        team.api.hard = 0

    team.api.hard = 0
    team.befalls = enlarge
    first = await team.create()
    assert team.asked == [first, first]


@pytest.mark.parametrize("hard", [20, 0], ids=["no room", "too large"])
async def test_each_release_has_the_pauses_begin_anew(team: Team, hard: int) -> None:
    # The API server may not know of it yet, and there may be no other.
    team.api.hard = hard
    first = await team.create()
    for _ in range(9):
        team.clock.pass_seconds(3600)
        pause = await team.reconciler.reconcile(first)
    assert pause is not None
    assert pause >= timedelta(seconds=30)
    team.api.hard = 30
    team.queue.note_quota("MODIFIED", team.api.quota(NAMESPACE))
    team.api.hard = hard
    assert await team.reconciler.reconcile(first) == timedelta(seconds=1)


async def test_a_wait_is_told_once_however_often_the_task_asks(team: Team) -> None:
    first, second = await team.create(), await team.create()
    for _ in range(5):
        team.release()
        team.take()
        for uid in (first, second):
            team.clock.pass_seconds(60)
            await team.reconciler.reconcile(uid)
    assert len(team.asked) > 2
    told = [(event["involvedObject"]["uid"], event["reason"]) for event in team.api.events]
    assert told == [(first, "QuotaExceeded"), (second, "QuotaExceeded")]
