"""The operator of this virtual environment, as a process beside a cluster."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import yaml

from localcluster.loopback import urlopen, without_proxy

from .cluster import Cluster
from .errors import ClusterError

PORTS = (10_000, 30_000)
"""Below Linux's ephemeral ports (from 32768) and Kubernetes' node ports (from 30000)."""
PROGRAM = Path(sys.executable).with_name("mltask-operator")
DEFINITION = Path(__file__).parent.parent / "crds" / "mltasks.yaml"

START_SECONDS = 60
STOP_SECONDS = 20
LOG_TAIL_LINES = 40


class Process(Protocol):
    """What `OperatorProcess` needs of a `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class OperatorProcess:
    """One run of `mltask-operator run`; its output goes to `log_file`."""

    def __init__(self, process: Process, log_file: Path, health_port: int) -> None:
        self.log_file = log_file
        self._process = process
        self._health = f"http://127.0.0.1:{health_port}/healthz"

    @classmethod
    def serve(cls, cluster: Cluster, kubeconfig: Path | None = None) -> Self:
        """Give the cluster the resource MLTask, and start the operator for all namespaces.

        It has the administrator's rights unless there is another `kubeconfig`, and also ends with
        the cluster, whoever ends that.
        """
        define(cluster)
        log = cluster.state / "logs" / "operator.log"
        return cls.start(kubeconfig or cluster.kubeconfig, log, ends_with=cluster)

    @classmethod
    def start(
        cls,
        kubeconfig: Path,
        log: Path,
        *namespaces: str,
        options: Sequence[str] = (),
        ends_with: Cluster | None = None,
        program: Sequence[str] = (str(PROGRAM),),
    ) -> Self:
        """Start it for these namespaces, or for all, and return when it serves them.

        `options` are more of its own, as on its command line; `program` is what has that command
        line. Raises ClusterError, with the end of the log, where it does not start.
        """
        chosen = [option for namespace in namespaces for option in ("--namespace", namespace)]
        port = free_port()
        environment = os.environ | (ends_with.environment if ends_with else {})
        command = [*program, "run", "--health-port", str(port), *chosen, *options]
        [cluster] = yaml.safe_load(kubeconfig.read_text())["clusters"]
        environment |= {"KUBECONFIG": str(kubeconfig)} | without_proxy(cluster["cluster"]["server"])
        process = cls._spawn(command, environment, log)
        started = cls(process, log, port)
        started._wait_until_healthy()
        return started

    def is_healthy(self) -> bool:
        """Whether its probe is answered with 200; raises ClusterError where it has ended."""
        self.raise_if_ended()
        try:
            with urlopen(self._health, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def raise_if_ended(self) -> None:
        """Raise ClusterError, with the end of the log, if it runs no longer."""
        if (status := self._process.poll()) is not None:
            raise ClusterError(f"The operator ended with exit status {status}. {self.log_tail()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def log(self) -> str:
        """All that it has logged."""
        return self.log_file.read_text(errors="replace")

    def log_tail(self) -> str:
        """Return the last lines of the log, with a line that says what they are."""
        return "\n".join(["The end of its log:", *self.log.splitlines()[-LOG_TAIL_LINES:]])

    def wait(self, seconds: float) -> int:
        """Wait until it ends by itself and return its exit status."""
        return self._process.wait(seconds)

    def pause(self) -> None:
        """Stop it in the midst of things, as a machine does that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, with its clock ahead of what it knows."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it as a crash of its machine would, without a chance to tidy up."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """End it in good order, or by force where that takes too long; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    @classmethod
    def _spawn(cls, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for its owner, who stops it then
            )

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_healthy():
            if time.monotonic() > deadline:
                self.kill()
                raise ClusterError(f"The operator does not answer. {self.log_tail()}")
            time.sleep(0.05)


def define(cluster: Cluster) -> None:
    """Give the cluster the resource MLTask."""
    cluster.kubectl("apply", "--server-side", "-f", str(DEFINITION))
    # kubectl refuses to wait for a condition of an object that has no conditions yet.
    for state in ("jsonpath={.status.acceptedNames.kind}=MLTask", "condition=Established"):
        cluster.kubectl("wait", f"--for={state}", "-f", str(DEFINITION), "--timeout=60s")


def free_port() -> int:
    """Return a TCP port that nothing listens on, at any address.

    It is below the ports that Linux gives to clients, so that no connection takes it meanwhile. It
    is chosen at random, since others may look for a port at the same time.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port
