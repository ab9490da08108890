"""Two operators, one Lease: one acts at a time, and the other takes over without a loss."""

import socket

import pytest

from tests.api.audit import OPERATOR, assert_each_ran_once, requests
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest
from tests.chaos.extent import IS_WHOLE
from tests.chaos.record import Record, recorded
from tests.chaos.replicas import LEASE_SECONDS, Replicas
from tests.waiting import wait_until

pytestmark = pytest.mark.api

LOAD = 100 if IS_WHOLE else 50
rounds = pytest.mark.parametrize("turn", range(10 if IS_WHOLE else 1))


def apply(team: Team, count: int) -> None:
    """Have a number of tasks of a second each."""
    team.apply(*(manifest(f"t{i}", fate={"run_seconds": 1}) for i in range(count)))


@pytest.fixture
def pair(team: Team, replicas: Replicas) -> tuple[OperatorProcess, OperatorProcess]:
    """One that leads and one that stands by, in the midst of a load."""
    first, second = replicas.start(), replicas.start()
    apply(team, LOAD)
    team.wait_until_finished(LOAD // 5)
    assert not replicas.is_leader(second)
    return first, second


def test_only_the_leader_acts(team: Team, replicas: Replicas) -> None:
    first, second = replicas.start(), replicas.start()
    apply(team, 20)
    assert_each_ran_once(team, 20)
    assert replicas.is_leader(first)
    assert not replicas.is_leader(second)
    assert replicas.metrics(second)("mltask_attempts_total") == 0
    refused = [kind for kind, _, code in requests(team, OPERATOR) if code >= 300]
    assert refused == []


@rounds
def test_an_orderly_stop_hands_over_at_once(
    team: Team,
    replicas: Replicas,
    pair: tuple[OperatorProcess, OperatorProcess],
    record: Record,
    turn: int,
) -> None:
    first, second = pair
    with recorded(record, "leader stopped in order", "SIGTERM under load") as took:
        assert first.stop() == 0
        # Within the pause between two looks at the Lease, far below its duration.
        took(replicas.wait_until_leader(second, LEASE_SECONDS / 2))
        assert_each_ran_once(team, LOAD)


@rounds
def test_after_a_crash_the_other_leads_within_the_lease(
    team: Team,
    replicas: Replicas,
    pair: tuple[OperatorProcess, OperatorProcess],
    record: Record,
    turn: int,
) -> None:
    first, second = pair
    how = f"SIGKILL under load, with a standby and a Lease of {LEASE_SECONDS} s"
    with recorded(record, "leader crashed", how) as took:
        first.kill()
        took(replicas.wait_until_leader(second, LEASE_SECONDS + 2))
        assert_each_ran_once(team, LOAD)


@rounds
def test_a_leader_that_was_paused_past_its_lease_ends_without_a_write(
    team: Team,
    replicas: Replicas,
    pair: tuple[OperatorProcess, OperatorProcess],
    record: Record,
    turn: int,
) -> None:
    first, second = pair
    how = "SIGSTOP under load until the standby has done all, then SIGCONT"
    with recorded(record, "leader paused past its Lease", how) as took:
        first.pause()
        took(replicas.wait_until_leader(second, LEASE_SECONDS + 5))
        team.wait_until_finished(LOAD)
        first.resume()
        assert first.wait(10) == 1
        assert_each_ran_once(team, LOAD)


def test_the_lease_says_who_leads_and_when_in_utc(team: Team, replicas: Replicas) -> None:
    leader = replicas.start()
    replicas.wait_until_leader(leader, 10)
    first = replicas.lease()
    assert first["holderIdentity"].startswith(f"{socket.gethostname()}_")
    assert first["renewTime"].endswith("Z")
    wait_until(lambda: replicas.lease()["renewTime"] > first["renewTime"], "it is renewed")
    assert replicas.lease()["acquireTime"] == first["acquireTime"]
    leader.stop()
    assert not replicas.lease().get("holderIdentity")
