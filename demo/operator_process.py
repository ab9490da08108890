"""The operator, run from this virtual environment beside the cluster."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from localcluster import Cluster
from localcluster.errors import ClusterError

STOP_SECONDS = 20
LOG_TAIL_LINES = 40


class OperatorProcess:
    """`mltask-operator run` with the cluster's kubeconfig; the output goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self.log = log

    @classmethod
    def start(cls, cluster: Cluster) -> Self:
        """Start the operator so that it also ends with the cluster, whoever ends that."""
        log = cluster.state / "logs" / "operator.log"
        program = Path(sys.executable).with_name("mltask-operator")
        with log.open("ab") as output:
            process = subprocess.Popen(
                [program, "run", "--health-port", str(_free_port())],
                env=os.environ | cluster.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the operator then
            )
        return cls(process, log)

    def raise_if_ended(self) -> None:
        """Raise ClusterError, with the end of the log, if the operator runs no longer."""
        if (status := self._process.poll()) is not None:
            raise ClusterError(f"The operator ended with exit status {status}. {self.log_tail()}")

    def log_tail(self) -> str:
        """Return the last lines of the log, with a line that says what they are."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return "\n".join(["The end of its log:", *lines])

    def stop(self) -> None:
        """End the operator in good order, or by force where that takes too long."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port
