"""Two operators, one Lease: one acts at a time, and the other takes over without a loss."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.audit import OPERATOR, SYSTEM, assert_each_ran_once, requests
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest
from tests.chaos.extent import IS_WHOLE
from tests.chaos.record import Record, recorded
from tests.waiting import wait_until

pytestmark = pytest.mark.api

LEASE_SECONDS = 5
LOAD = 100
rounds = pytest.mark.parametrize("turn", range(10 if IS_WHOLE else 1))


class Replicas:
    """Operators of a team that share a Lease."""

    def __init__(self, team: Team, kubeconfig: Path, logs: Path) -> None:
        self._team = team
        self._kubeconfig = kubeconfig
        self._logs = logs
        self._started: list[OperatorProcess] = []

    def start(self) -> OperatorProcess:
        """Start one more and return it when it stands by or leads."""
        log = self._logs / f"operator-{len(self._started)}.log"
        options = (f"--lease={self._team.namespace}/leader", f"--lease-seconds={LEASE_SECONDS}")
        operator = OperatorProcess.start(
            self._kubeconfig, log, self._team.namespace, options=options
        )
        self._started.append(operator)
        return operator

    def stop(self) -> None:
        """Stop all of them."""
        for operator in self._started:
            operator.resume()
            operator.stop()

    def lease(self) -> dict[str, str]:
        """Return the spec of the Lease."""
        spec: dict[str, str] = self._team.get("lease", "leader")["spec"]
        return spec


@pytest.fixture
def replicas(team: Team, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[Replicas]:
    """Operators of the team, none yet."""
    # What the chart grants for one name in one namespace, for a Lease of the test's own.
    team.kubectl("create", "role", "leader", "--verb=get,create,update", "--resource=leases")
    account = f"--serviceaccount={SYSTEM}:mltask-operator"
    team.kubectl("create", "rolebinding", "leader", "--role=leader", account)
    made = Replicas(team, operator_kubeconfig, tmp_path)
    yield made
    made.stop()


def leads(operator: OperatorProcess) -> bool:
    """Whether it has begun to act."""
    return "The operator acts now" in operator.log


def wait_until_it_leads(operator: OperatorProcess, seconds: float) -> float:
    """Wait until it acts, and return how many seconds that took."""
    began = time.monotonic()
    wait_until(lambda: leads(operator), "it leads", seconds)
    return time.monotonic() - began


def apply(team: Team, count: int) -> None:
    """Have a number of tasks of a second each."""
    team.apply(*(manifest(f"t{i}", fate={"run_seconds": 1}) for i in range(count)))


@pytest.fixture
def pair(team: Team, replicas: Replicas) -> tuple[OperatorProcess, OperatorProcess]:
    """One that leads and one that stands by, in the midst of a load."""
    first, second = replicas.start(), replicas.start()
    apply(team, LOAD)
    wait_until(partial(team.has_finished, LOAD // 5), "under load", 60)
    assert not leads(second)
    return first, second


def test_only_the_leader_acts(team: Team, replicas: Replicas) -> None:
    first, second = replicas.start(), replicas.start()
    apply(team, 20)
    assert_each_ran_once(team, 20)
    assert leads(first)
    assert not leads(second)
    assert "created Pod" not in second.log
    refused = [kind for kind, _, code in requests(team, OPERATOR) if code >= 300]
    assert refused == []


@rounds
def test_an_orderly_stop_hands_over_at_once(
    team: Team, pair: tuple[OperatorProcess, OperatorProcess], record: Record, turn: int
) -> None:
    first, second = pair
    with recorded(record, "leader stopped in order", "SIGTERM under load") as took:
        assert first.stop() == 0
        # Within the pause between two looks at the Lease, far below its duration.
        took(wait_until_it_leads(second, LEASE_SECONDS / 2))
        assert_each_ran_once(team, LOAD)


@rounds
def test_after_a_crash_the_other_leads_within_the_lease(
    team: Team, pair: tuple[OperatorProcess, OperatorProcess], record: Record, turn: int
) -> None:
    first, second = pair
    how = f"SIGKILL under load, with a standby and a Lease of {LEASE_SECONDS} s"
    with recorded(record, "leader crashed", how) as took:
        first.kill()
        took(wait_until_it_leads(second, LEASE_SECONDS + 2))
        assert_each_ran_once(team, LOAD)


@rounds
def test_a_leader_that_was_paused_past_its_lease_ends_without_a_write(
    team: Team, pair: tuple[OperatorProcess, OperatorProcess], record: Record, turn: int
) -> None:
    first, second = pair
    how = "SIGSTOP under load until the standby has done all, then SIGCONT"
    with recorded(record, "leader paused past its Lease", how) as took:
        first.pause()
        took(wait_until_it_leads(second, LEASE_SECONDS + 5))
        wait_until(partial(team.has_finished, LOAD), "the other finished", 120)
        first.resume()
        assert first.wait(10) == 1
        assert "leads no more" in first.log
        assert_each_ran_once(team, LOAD)


def test_a_leader_without_an_api_server_ends_before_its_lease_does(
    team: Team, replicas: Replicas, cluster: Cluster
) -> None:
    leader = replicas.start()
    wait_until_it_leads(leader, 10)
    cluster.stop_component("kube-apiserver")
    try:
        assert leader.wait(LEASE_SECONDS + 2) == 1
    finally:
        cluster.start_component("kube-apiserver")


def test_the_lease_says_who_leads_and_when_in_utc(team: Team, replicas: Replicas) -> None:
    leader = replicas.start()
    wait_until_it_leads(leader, 10)
    first = replicas.lease()
    assert first["holderIdentity"] in leader.log
    assert first["renewTime"].endswith("Z")
    wait_until(lambda: replicas.lease()["renewTime"] > first["renewTime"], "it is renewed")
    assert replicas.lease()["acquireTime"] == first["acquireTime"]
    leader.stop()
    assert not replicas.lease().get("holderIdentity")
