"""Replicas: operators of one namespace that share a Lease."""

import time
from pathlib import Path

from tests.api.operator_process import OperatorProcess
from tests.api.team import Team
from tests.chaos.extent import IS_WHOLE
from tests.waiting import wait_until

LEASE_SECONDS = 5 if IS_WHOLE else 15
"""Beside other tests, a leader may get too little CPU time to renew a shorter Lease."""


class Replicas:
    """The operators of a team that share a Lease."""

    def __init__(self, team: Team, kubeconfig: Path, logs: Path) -> None:
        self._team = team
        self._kubeconfig = kubeconfig
        self._logs = logs
        self._started: list[OperatorProcess] = []

    def start(self) -> OperatorProcess:
        """Start another operator; return it when it is the leader or a standby."""
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


def leads(operator: OperatorProcess) -> bool:
    """Return whether it has become the leader."""
    return "The operator acts now" in operator.log


def wait_until_it_leads(operator: OperatorProcess, seconds: float) -> float:
    """Wait until it acts, and return how many seconds that took."""
    began = time.monotonic()
    wait_until(lambda: leads(operator), "it leads", seconds)
    return time.monotonic() - began
