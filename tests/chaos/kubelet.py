"""Who runs the operator's container: as a kubelet does, by the chart's own probe."""

import subprocess
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import yaml

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.operator_process import OperatorProcess
from tests.chart.chart import CHART, NAME

PAUSE = 1.0
"""Before the next start; a kubelet's is ten seconds at first, and doubles."""


class Probe(NamedTuple):
    """A livenessProbe."""

    period: float
    failures: int
    """How many in a row are too many."""

    @classmethod
    def of_chart(cls, cluster: Cluster) -> Self:
        """Return the probe that the chart gives the operator."""
        objects = yaml.safe_load_all(cluster.helm("template", NAME, str(CHART)))
        [deployment] = [each for each in objects if each["kind"] == "Deployment"]
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        probe: dict[str, Any] = container["livenessProbe"]
        return cls(probe["periodSeconds"], probe.get("failureThreshold", 3))  # Kubernetes' default


class Kubelet:
    """Has an operator running within the block; `restarts` says why each was started again."""

    def __init__(self, start: Callable[[int], OperatorProcess], probe: Probe) -> None:
        self.restarts: list[str] = []
        self.failure: Exception | None = None
        self.is_up = threading.Event()
        """Whether an operator has started and not ended since."""
        self._start = start
        self._probe = probe
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._keep)
        self._operator: OperatorProcess | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        self._thread.join()
        if self._operator:
            self._operator.kill()

    def freeze(self) -> None:
        """Have the operator hang, as one does whose event loop stands still."""
        assert self._operator
        self._operator.pause()

    def _keep(self) -> None:
        try:
            while not self._is_closing.is_set():
                why = self._run()
                self.is_up.clear()
                if not self._is_closing.is_set():
                    self.restarts.append(why)
                    self._is_closing.wait(PAUSE)
        except Exception as error:  # told by whoever waits for the operator in vain
            self.failure = error

    def _run(self) -> str:
        """Run an operator to its end, and say why it has ended."""
        try:
            self._operator = self._start(len(self.restarts) + 1)
        except ClusterError as error:
            return f"start: {error}"
        self.is_up.set()
        failures = 0
        while failures < self._probe.failures:
            if (status := self._ended(self._probe.period)) is not None:
                return f"exit {status}: {self._operator.log.splitlines()[-1]}"
            if self._is_closing.is_set():
                return "closed"
            try:
                failures = 0 if self._operator.is_healthy() else failures + 1
            except ClusterError:
                continue  # it has just ended
        self._operator.kill()
        return "liveness"

    def _ended(self, seconds: float) -> int | None:
        """Return its exit status, or None if it runs on for so long, or the block ends."""
        assert self._operator
        for _ in range(int(seconds * 10)):
            try:
                return self._operator.wait(0.1)
            except subprocess.TimeoutExpired:
                if self._is_closing.is_set():
                    return None
        return None
