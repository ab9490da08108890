"""Odd answers and records, unequal durations, and one work under the Lease as of `let-go`."""

import asyncio
import re
from typing import cast

import pytest

from mltask_operator.access.credentials import NoCredentials
from mltask_operator.kube.api import Api
from mltask_operator.kube.election import Election, NotElected
from mltask_operator.kube.errors import ApiError, Unreadable
from mltask_operator.kube.lease import Lease
from mltask_operator.kube.lease_record import LONGEST_HOLD_SECONDS
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


ODD_ANSWERS = [
    NoCredentials("the kubeconfig is half written"),
    ValueError("Expecting value: line 1 column 1 (char 0)"),
    KeyError("metadata"),
    Unreadable("the API server's answer is no JSON"),
    ApiError(401, "Unauthorized", "Unauthorized"),
]
odd_answers = pytest.mark.parametrize("fault", ODD_ANSWERS, ids=lambda each: type(each).__name__)


@odd_answers
@pytest.mark.parametrize("request_number", range(4))
async def test_a_standby_outlasts_each_odd_answer(
    server: LeaseServer, fault: Exception, request_number: int
) -> None:
    first = await a_leader(server)
    first.die()
    second = Candidate(server, "b")
    await let_pass(request_number * RETRY_PERIOD + 0.1)
    server.faults = [fault]
    await let_pass(2 * SECONDS)
    assert (second.may_write, second.losses) == (True, [])
    await second.stop()


@odd_answers
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_leader_outlasts_a_few_odd_answers(
    server: LeaseServer, fault: Exception, count: int
) -> None:
    leader = await a_leader(server)
    server.faults = [fault] * count
    await let_pass(10 * SECONDS)
    assert (leader.may_write, leader.losses) == (True, [])
    await leader.stop()


@odd_answers
async def test_a_leader_that_gets_odd_answers_alone_ends(
    server: LeaseServer, fault: Exception
) -> None:
    leader = await a_leader(server)
    server.faults = [fault] * 100
    await let_pass(RENEW_DEADLINE + RETRY_PERIOD)
    assert len(leader.losses) == 1
    leader.die()


async def test_a_candidate_waits_as_long_as_the_record_of_the_holder_says(
    server: LeaseServer,
) -> None:
    holder = Candidate(server, "a", seconds=300)
    await let_pass(RETRY_PERIOD)
    other = Candidate(server, "b", seconds=15)
    for _ in range(100):
        await let_pass(RETRY_PERIOD)
        assert holder.may_write
        assert other.leads_since is None
    holder.die()
    await let_pass(300 - 25)
    assert other.leads_since is None
    await let_pass(30)
    assert other.may_write
    await other.stop()


async def test_a_deleted_record_makes_no_second_leader(server: LeaseServer) -> None:
    first = await a_leader(server)
    await let_pass(RETRY_PERIOD / 2)
    second = Candidate(server, "b")
    await let_pass(RETRY_PERIOD * 3 / 4)
    # The second candidate is the first to read it.
    server.lease = None
    await let_pass(5 * RETRY_PERIOD)
    assert (first.may_write, second.leads_since) == (True, None)
    await second.stop()
    await first.stop()


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        [],
        "x",
        {"holderIdentity": "a"},
        {"holderIdentity": "a", "leaseDurationSeconds": -5, "renewTime": "9999-99-99"},
        {"holderIdentity": "a", "leaseDurationSeconds": 2**62, "leaseTransitions": 2**31 - 1},
        {"holderIdentity": ["a"], "leaseDurationSeconds": "15", "leaseTransitions": "x"},
        {"holderIdentity": "a", "leaseDurationSeconds": True, "acquireTime": 7},
    ],
)
async def test_whatever_the_record_says_its_hold_ends(server: LeaseServer, spec: object) -> None:
    server.lease = {"kind": "Lease", "metadata": {"resourceVersion": "1"}, "spec": spec}
    candidate = Candidate(server, "b")
    await let_pass(LONGEST_HOLD_SECONDS + 2 * RETRY_PERIOD)
    assert (candidate.may_write, candidate.losses) == (True, [])
    assert 0 <= server.spec_and_version["spec"]["leaseTransitions"] < 2**31
    await candidate.stop()


# One work under the Lease, as of `let-go`


def a_worker(server: LeaseServer) -> Election:
    """Return an election whose loss fails the test."""
    clock = asyncio.get_running_loop().time
    lease = Lease(cast(Api, server), "system", "operator", "b", SECONDS, clock)
    return Election(lease, pytest.fail)


async def done() -> str:
    """Work that needs no time."""
    return "done"


@odd_answers
async def test_a_work_that_cannot_get_the_lease_says_why(
    server: LeaseServer, fault: Exception
) -> None:
    server.faults = [fault] * 1000
    with pytest.raises(NotElected, match=re.escape(str(fault))):
        await a_worker(server).lead_for(done)


async def test_a_work_for_which_a_leader_does_not_stop_says_who_it_is(server: LeaseServer) -> None:
    leader = await a_leader(server, "operator-7")
    with pytest.raises(NotElected, match="operator-7"):
        await a_worker(server).lead_for(done)
    await leader.stop()


async def test_a_work_waits_for_the_hold_of_a_dead_leader_however_long(
    server: LeaseServer,
) -> None:
    leader = Candidate(server, "a", seconds=600)
    await let_pass(RETRY_PERIOD)
    leader.die()
    assert await a_worker(server).lead_for(done) == "done"


async def test_a_work_that_fails_releases_the_lease_and_raises(server: LeaseServer) -> None:
    async def fail() -> None:
        raise ApiError(403, "Forbidden", "no")

    with pytest.raises(ApiError):
        await a_worker(server).lead_for(fail)
    assert server.holder == ""
