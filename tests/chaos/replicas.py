"""Replicas: operators of one namespace that share a Lease."""

import time
from pathlib import Path

from tests.api.operator_process import OperatorProcess, free_port
from tests.api.scrape import Scrape
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
        self._ports: dict[OperatorProcess, int] = {}

    def start(self) -> OperatorProcess:
        """Start another operator; return it when it is the leader or a standby."""
        log = self._logs / f"operator-{len(self._ports)}.log"
        port = free_port()
        lease = (f"--lease={self._team.namespace}/leader", f"--lease-seconds={LEASE_SECONDS}")
        options = (*lease, "--metrics-port", str(port))
        operator = OperatorProcess.start(
            self._kubeconfig, log, self._team.namespace, options=options
        )
        self._ports[operator] = port
        return operator

    def stop(self) -> None:
        """Stop all of them."""
        for operator in self._ports:
            operator.resume()
            operator.stop()

    def lease(self) -> dict[str, str]:
        """Return the spec of the Lease."""
        spec: dict[str, str] = self._team.get("lease", "leader")["spec"]
        return spec

    def metrics(self, operator: OperatorProcess) -> Scrape:
        """Return the operator's metrics."""
        return Scrape(self._ports[operator])

    def is_leader(self, operator: OperatorProcess) -> bool:
        """Return whether this operator is the leader."""
        return self.metrics(operator)("mltask_operator_leader") == 1

    def wait_until_leader(self, operator: OperatorProcess, seconds: float) -> float:
        """Wait until this operator is the leader; return how many seconds that took."""
        began = time.monotonic()
        wait_until(lambda: self.is_leader(operator), "it is the leader", seconds)
        return time.monotonic() - began
