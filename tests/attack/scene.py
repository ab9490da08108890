"""Scene: the attacker's namespace, another namespace, and the operator that serves both."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from localcluster import Cluster
from tests.api.operator_process import PROGRAM, OperatorProcess, free_port
from tests.api.rights import Program
from tests.api.scrape import Scrape
from tests.api.team import Json, Team, manifest
from tests.attack.extent import (
    FINISHED_SECONDS,
    IS_WHOLE,
    LEASE_SECONDS,
    POD_SECONDS,
    READY_SECONDS,
)
from tests.attack.record import Attack
from tests.waiting import BOUND, wait_until

QUICK = {"run_seconds": 0.1}
BYSTANDERS = ("finished", "running", "suspended")


class Delay(NamedTuple):
    """Seconds from the creation of another namespace's task, or bare Pod, to Pod and outcome."""

    pod: float
    finished: float


@dataclass
class Scene:
    """Two namespaces, and operators with the chart's rights."""

    attacker: Team
    other: Team
    program: Program
    folder: Path
    operators: list[OperatorProcess] = field(default_factory=list)
    lease_seconds: int = LEASE_SECONDS
    _ports: list[int] = field(default_factory=list)
    _probes: int = 0

    @property
    def cluster(self) -> Cluster:
        """The cluster of both namespaces."""
        return self.attacker.cluster

    def start(self, soft_files: int | None = None) -> OperatorProcess:
        """Start an operator; return when its probe succeeds.

        `soft_files` is its soft limit of open files. Raises ClusterError if the operator ends.
        """
        port = free_port()
        options = (*self.program.options, f"--lease-seconds={self.lease_seconds}")
        program: tuple[str, ...] = (str(PROGRAM),)
        if soft_files:
            program = ("sh", "-c", f'ulimit -Sn {soft_files}; exec "$0" "$@"', *program)
        operator = OperatorProcess.start(
            self.cluster.kubeconfig_for_service_account(self.program.home, self.program.account),
            self.folder / f"operator-{len(self.operators)}.log",
            options=(*options, "--metrics-port", str(port)),
            # In full size the real program runs, for its memory is measured.
            ends_with=self.cluster if IS_WHOLE else None,
            program=program,
        )
        self.operators.append(operator)
        self._ports.append(port)
        return operator

    @property
    def metrics_port(self) -> int:
        """The metrics port of the newest operator."""
        return self._ports[-1]

    def scrape(self) -> Scrape:
        """Return the metrics of the newest operator."""
        return Scrape(self.metrics_port)

    def wait_until_leader(self, seconds: float) -> None:
        """Wait until the newest operator holds the Lease."""
        wait_until(
            lambda: self.scrape()("mltask_operator_leader") == 1, "it holds the Lease", seconds
        )

    def have_bystanders(self) -> None:
        """Have a finished, a running and a suspended task in the other namespace."""
        self.other.run("finished", fate=QUICK)
        self.other.run("running")
        self.other.run("suspended", suspend=True)
        self.other.finish("finished")
        self.other.wait_for_phase("running", "Running")
        self.other.wait_for_phase("suspended", "Suspended")

    def start_among(self, attack: Attack, seconds: float = READY_SECONDS) -> OperatorProcess:
        """Start an operator among the attacker's objects, and record how long that takes.

        It is ready when a task of the other namespace, which waits for it, has its Pod. Fails
        after so many seconds.
        """
        self._probes += 1
        name = f"waits-{self._probes}"
        self.other.run(name, fate=QUICK)
        began = time.monotonic()
        operator = self.start()
        self.other.pod_of(name, seconds=max(1.0, seconds - (time.monotonic() - began)))
        _worst(attack, ready=time.monotonic() - began)
        self.other.wait(name, "condition=Finished")
        return operator

    def probe(self, attack: Attack) -> None:
        """Run a task in the other namespace; fail if it waits for long, and record the seconds."""
        delay = self.measure(attack)
        assert delay.pod < POD_SECONDS, delay
        assert delay.finished < FINISHED_SECONDS, delay

    def measure(self, attack: Attack) -> Delay:
        """Run a task in the other namespace, record how long that took, and return it.

        A bare Pod runs beside it: what delays both is not the operator.
        """
        self._probes += 1
        with ThreadPoolExecutor(1) as pool:
            beside = pool.submit(self._run_bare_pod, f"bare-{self._probes}")
            delay = self._run_task(f"probe-{self._probes}")
            bare = beside.result()
        _worst(attack, pod=delay.pod, finished=delay.finished)
        _worst(attack, bare_pod=bare.pod, bare_finished=bare.finished)
        return delay

    def _run_task(self, name: str) -> Delay:
        began = time.monotonic()
        self.other.run(name, fate=QUICK)
        # Longer than allowed, so that the record has the measured delay instead of the bound.
        self.other.pod_of(name)
        pod = time.monotonic() - began
        self.other.wait(name, "condition=Finished")
        return Delay(pod, time.monotonic() - began)

    def _run_bare_pod(self, name: str) -> Delay:
        team = self.other
        spec = manifest(name, fate=QUICK)["spec"]
        body = {
            "metadata": {"name": name, **spec["template"]["metadata"]},
            "spec": {
                "containers": [
                    {"name": "main", "image": spec["image"], "resources": spec["resources"]}
                ],
                "restartPolicy": "Never",
            },
        }
        path, only = team.path("pods"), {"fieldSelector": f"metadata.name={name}"}
        began = time.monotonic()
        team.client.send("POST", path, body)
        team.client.until(path, bool, name, BOUND, **only)
        pod = time.monotonic() - began
        team.client.until(path, _have_succeeded, f"{name} has succeeded", BOUND, **only)
        return Delay(pod, time.monotonic() - began)

    def wait_for_tasks(self, count: int, phase: str, seconds: float) -> None:
        """Wait until the operator's metrics have so many tasks in a phase."""
        wait_until(
            lambda: self.scrape()("mltask_tasks", phase=phase) >= count,
            f"{count} tasks are {phase}",
            seconds,
        )

    def states(self) -> dict[str, tuple[str, str]]:
        """Return uid and resourceVersion of the bystanders and their Pods, by name."""
        found = [
            *(self.other.get("mltask", name) for name in BYSTANDERS),
            *(pod for pod in self.other.pods() if _task_of(pod) in BYSTANDERS),
        ]
        metadata = [each["metadata"] for each in found]
        return {each["name"]: (each["uid"], each["resourceVersion"]) for each in metadata}

    def stop(self) -> None:
        """Stop all operators."""
        for operator in self.operators:
            operator.stop()


def peak_mib(operator: OperatorProcess) -> float:
    """Return the operator's peak resident memory so far, in MiB."""
    status = Path(f"/proc/{operator.pid}/status").read_text()
    [line] = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _have_succeeded(pods: list[Json]) -> bool:
    return any(pod.get("status", {}).get("phase") == "Succeeded" for pod in pods)


def _task_of(pod: Json) -> str:
    return str(pod["metadata"].get("labels", {}).get("mltask.dev/task"))


def _worst(attack: Attack, **seconds: float) -> None:
    for name, value in seconds.items():
        setattr(attack, name, max(value, getattr(attack, name) or 0.0))
