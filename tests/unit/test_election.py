"""One leads, and whoever cannot be sure of it ends: what the client's own election gets wrong."""

import asyncio
from datetime import UTC, datetime

import pytest

from mltask_operator.kube.election import Election, LeadershipLost
from mltask_operator.kube.errors import Unreachable
from mltask_operator.kube.lease import LONGEST_SECONDS, Lease
from tests.unit.leases import SECONDS, Candidate, Json, LeaseServer
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop
RENEW_DEADLINE = SECONDS * 2 / 3
RETRY_PERIOD = SECONDS / 15


@pytest.fixture
def server() -> LeaseServer:
    """No Lease yet."""
    return LeaseServer()


async def a_leader(server: LeaseServer, identity: str = "a") -> Candidate:
    """A candidate that leads."""
    candidate = Candidate(server, identity)
    await let_pass(2 * RETRY_PERIOD)
    assert candidate.leads_since is not None
    candidate.election.check_leads()
    return candidate


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
    lease = Lease(server, "system", "operator", "b", SECONDS)
    losses: list[str] = []

    async def work() -> str:
        assert server.holder == "b"
        return "done"

    working = asyncio.create_task(Election(lease, losses.append, clock).lead_for(work))
    await let_pass(SECONDS)
    assert not working.done(), "another leads"
    await first.stop()
    assert await working == "done"
    assert server.holder == ""
    await let_pass(2 * SECONDS)
    assert losses == []


async def test_the_lease_is_released_after_work_that_fails(server: LeaseServer) -> None:
    clock = asyncio.get_running_loop().time
    losses: list[str] = []
    election = Election(Lease(server, "system", "operator", "a", SECONDS), losses.append, clock)

    async def work() -> None:
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        await election.lead_for(work)
    assert (server.holder, losses) == ("", [])


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        (None, 0),
        ({}, 0),
        ({"holderIdentity": ""}, 0),
        ({"holderIdentity": "x"}, SECONDS),
        ({"holderIdentity": "x", "leaseDurationSeconds": -1}, SECONDS),
        ({"holderIdentity": "x", "leaseDurationSeconds": "soon"}, SECONDS),
        ({"holderIdentity": "x", "leaseDurationSeconds": 40, "leaseTransitions": "many"}, 40),
        ({"holderIdentity": "x", "leaseDurationSeconds": 2**31 - 1}, LONGEST_SECONDS),
        ({"holderIdentity": "x", "leaseDurationSeconds": 2, "renewTime": "9999"}, 2),
    ],
)
async def test_whatever_a_lease_says_its_hold_ends(
    server: LeaseServer, spec: Json | None, seconds: float
) -> None:
    metadata = {"name": "operator", "resourceVersion": "1"}
    server.lease = {"kind": "Lease", "metadata": metadata, "spec": spec}
    candidate = Candidate(server, "a")
    if seconds:
        await let_pass(seconds - 0.5)
        assert not candidate.has_led
    await let_pass(2 * RETRY_PERIOD)
    assert candidate.has_led
    assert server.spec_and_version["spec"]["leaseDurationSeconds"] == SECONDS
    await candidate.stop()


@pytest.mark.parametrize("body", [{}, {"items": []}, {"metadata": {"name": "other"}}])
async def test_an_answer_that_is_not_the_lease_is_no_lease(server: LeaseServer, body: Json) -> None:
    leader = await a_leader(server)
    standby = Candidate(Answers(body), "b")
    await let_pass(10 * SECONDS)
    assert not standby.has_led
    leader.election.check_leads()
    await standby.stop()
    await leader.stop()


class Answers:
    """A proxy that answers every request with this object."""

    def __init__(self, body: Json) -> None:
        self._body = body

    async def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Answer without asking the server."""
        return self._body
