"""One replica is the leader, and a leader that cannot be sure of it ends its process."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Self, cast

import pytest

from mltask_operator.kube import lease_record
from mltask_operator.kube.api import Api
from mltask_operator.kube.election import Election, LeadershipLost
from mltask_operator.kube.lease import Lease
from tests.unit.leases import (
    RENEW_DEADLINE,
    RETRY_PERIOD,
    SECONDS,
    Candidate,
    LeaseServer,
    a_leader,
)
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop


@pytest.fixture
def server() -> LeaseServer:
    """No Lease yet."""
    return LeaseServer()


@pytest.fixture(autouse=True)
def set_wall_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the wall clock pass with the loop's time, and be set by so many seconds."""
    offsets = [datetime.now(UTC).timestamp()]

    class WallClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(sum(offsets) + asyncio.get_running_loop().time(), tz)

    monkeypatch.setattr(lease_record, "datetime", WallClock)
    return offsets.append


async def test_the_lease_is_made_where_there_is_none_and_says_when_in_utc(
    server: LeaseServer,
) -> None:
    leader = await a_leader(server)
    spec = server.spec_and_version["spec"]
    assert (server.holder, spec["leaseDurationSeconds"]) == ("a", SECONDS)
    stamped = datetime.strptime(spec["renewTime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - stamped).total_seconds()) < 60
    await leader.stop()


async def test_only_one_leads_and_it_stays_the_leader(server: LeaseServer) -> None:
    first = await a_leader(server)
    since = server.spec_and_version["spec"]["acquireTime"]
    second = Candidate(server, "b")
    await let_pass(10 * SECONDS)
    assert second.leads_since is None
    with pytest.raises(LeadershipLost):
        second.election.check_leads()
    first.election.check_leads()
    spec = server.spec_and_version["spec"]
    assert (spec["leaseTransitions"], spec["acquireTime"]) == (0, since)
    assert spec["renewTime"] > since
    await second.stop()
    await first.stop()


async def test_who_stands_by_leads_at_once_when_the_leader_stops(server: LeaseServer) -> None:
    first = await a_leader(server)
    second = Candidate(server, "b")
    await let_pass(SECONDS)
    await first.stop()
    await let_pass(RETRY_PERIOD + 0.1)
    assert server.holder == "b"
    second.election.check_leads()
    await let_pass(2 * SECONDS)
    assert first.losses == [], "it ended in good order"
    await second.stop()


async def test_who_stands_by_leads_once_the_lease_of_a_dead_leader_has_ended(
    server: LeaseServer,
) -> None:
    first = await a_leader(server)
    second = Candidate(server, "b")
    await let_pass(SECONDS)
    first.die()
    await let_pass(SECONDS - 2 * RETRY_PERIOD)
    assert second.leads_since is None
    await let_pass(4 * RETRY_PERIOD)
    assert second.leads_since is not None
    assert server.spec_and_version["spec"]["leaseTransitions"] == 1
    await second.stop()


@pytest.mark.parametrize("fault", ["is_down", "hangs"])
async def test_a_leader_that_cannot_renew_ends_before_another_may_lead(
    server: LeaseServer, fault: str
) -> None:
    leader = await a_leader(server)
    setattr(server, fault, True)
    await let_pass(RENEW_DEADLINE + 2 * RETRY_PERIOD)
    assert leader.losses != []
    leader.die()


@pytest.mark.parametrize("fault", ["is_down", "hangs"])
async def test_who_stands_by_outlasts_an_api_server_that_is_away(
    server: LeaseServer, fault: str
) -> None:
    setattr(server, fault, True)
    candidate = Candidate(server, "a")
    await let_pass(10 * SECONDS)
    assert (candidate.leads_since, candidate.losses) == (None, [])
    setattr(server, fault, False)
    await let_pass(SECONDS)
    assert candidate.leads_since is not None
    await candidate.stop()


async def test_a_leader_whose_work_fails_ends_at_once(server: LeaseServer) -> None:
    candidate = Candidate(server, "a")
    candidate.work_fails = True
    await let_pass()
    assert candidate.losses == ["the work of the leader failed: cannot list"]
    candidate.die()


async def test_a_wall_clock_set_forward_ends_nobodys_lease(
    server: LeaseServer, set_wall_clock: Callable[[float], None]
) -> None:
    first = await a_leader(server)
    second = Candidate(server, "b")
    await let_pass(SECONDS)
    first.die()
    await let_pass(2 * RETRY_PERIOD)
    set_wall_clock(3600)
    await let_pass(SECONDS / 2)
    assert second.leads_since is None
    await let_pass(SECONDS)
    assert second.leads_since is not None
    await second.stop()


async def test_a_wall_clock_set_back_makes_nobody_lead_for_longer(
    server: LeaseServer, set_wall_clock: Callable[[float], None]
) -> None:
    leader = await a_leader(server)
    server.is_down = True
    await let_pass(RETRY_PERIOD)
    set_wall_clock(-3600)
    await let_pass(RENEW_DEADLINE + 2 * RETRY_PERIOD)
    assert leader.losses != []
    leader.die()


async def test_a_leader_that_was_paused_past_its_lease_may_write_no_more(
    server: LeaseServer,
) -> None:
    leader = await a_leader(server)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.leap(SECONDS)
    # Nothing of it has run since: no renewal, no watchdog.
    with pytest.raises(LeadershipLost):
        leader.election.check_leads()
    assert leader.losses != []
    leader.die()


async def test_a_leader_that_sees_another_in_its_place_may_write_no_more(
    server: LeaseServer,
) -> None:
    leader = await a_leader(server)
    server.spec_and_version["spec"]["holderIdentity"] = "somebody by hand"
    await let_pass(2 * RETRY_PERIOD)
    with pytest.raises(LeadershipLost):
        leader.election.check_leads()
    await leader.stop()
    assert server.holder == "somebody by hand"


async def test_nobody_gives_away_the_lease_of_another(server: LeaseServer) -> None:
    first = await a_leader(server)
    second = Candidate(server, "b")
    await let_pass(RETRY_PERIOD)
    await second.stop()
    assert server.holder == "a"
    await first.stop()
    assert server.holder == ""


async def test_who_leads_for_one_work_gives_the_lease_back_after_it(server: LeaseServer) -> None:
    first = await a_leader(server)
    clock = asyncio.get_running_loop().time
    lease = Lease(cast(Api, server), "system", "operator", "b", SECONDS, clock)
    losses: list[str] = []

    async def work() -> str:
        assert server.holder == "b"
        return "done"

    working = asyncio.create_task(Election(lease, losses.append).lead_for(work))
    await let_pass(SECONDS)
    assert not working.done(), "another leads"
    await first.stop()
    assert await working == "done"
    assert server.holder == ""
    await let_pass(2 * SECONDS)
    assert losses == []


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_step_of_the_wall_clock_after_the_leader_died_delays_no_failover(
    server: LeaseServer, set_wall_clock: Callable[[float], None], step: float
) -> None:
    first = await a_leader(server)
    second = Candidate(server, "b")
    await let_pass(SECONDS)
    first.die()
    set_wall_clock(step)
    await let_pass(SECONDS - 2 * RETRY_PERIOD)
    assert second.leads_since is None
    await let_pass(4 * RETRY_PERIOD)
    assert second.may_write
    await second.stop()
