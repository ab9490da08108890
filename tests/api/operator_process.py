"""The operator as a process of its own, which tests start, stop and kill."""

import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Self

from tests.waiting import wait_until

PROGRAM = Path(sys.executable).with_name("mltask-operator")


class OperatorProcess:
    """One run of `mltask-operator run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, health_port: int) -> None:
        self._process = process
        self._log = log
        self._health = f"http://127.0.0.1:{health_port}/healthz"

    @classmethod
    def start(cls, kubeconfig: Path, log: Path, *namespaces: str) -> Self:
        """Start it for these namespaces, or for all, and return when it serves them."""
        options = [option for namespace in namespaces for option in ("--namespace", namespace)]
        port = free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PROGRAM, "run", "--health-port", str(port), *options],
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started = cls(process, log, port)
        wait_until(started.is_healthy, "the operator's probe is answered", 60)
        return started

    def is_healthy(self) -> bool:
        """Whether its probe is answered with 200; fail where it has ended."""
        assert self._process.poll() is None, self.log
        try:
            with urllib.request.urlopen(self._health, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @property
    def log(self) -> str:
        """All that it has logged."""
        return self._log.read_text()

    def lines_about(self, task: str) -> list[str]:
        """Return what it logged of a task, without times."""
        return re.findall(rf"INFO \S+/{re.escape(task)}: (.*)", self.log)

    def kill(self) -> None:
        """Kill it as a crash of its machine would, without a chance to tidy up."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Stop it in order, and return its exit status."""
        self._process.terminate()
        return self._process.wait(timeout=20)


def free_port() -> int:
    """Return a TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
