"""The operator as a process of its own, which tests start, stop and kill."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.waiting import wait_until

PROGRAM = Path(sys.executable).with_name("mltask-operator")


class OperatorProcess:
    """One run of `mltask-operator run`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    def start(cls, kubeconfig: Path, log: Path, *namespaces: str) -> Self:
        """Start it for these namespaces, or for all, and return when it serves them."""
        options = [option for namespace in namespaces for option in ("--namespace", namespace)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PROGRAM, "run", "--health-port", str(free_port()), *options],
                env={**os.environ, "KUBECONFIG": str(kubeconfig)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started = cls(process, log)
        wait_until(lambda: started.has_logged(" serves "), "the operator serves", 30)
        return started

    def has_logged(self, words: str) -> bool:
        """Whether the words stand in its log; fail where it has ended without being asked."""
        assert self._process.poll() in (None, -signal.SIGKILL), self.log
        return words in self.log

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
