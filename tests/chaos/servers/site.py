"""Where a fault of the servers is tried: a namespace, its operator, and the judge of its tasks."""

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.audit import OPERATOR
from tests.api.client import Client, tasks_path
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team, manifest
from tests.api.watch import PODS
from tests.chaos.keeper import Keeper
from tests.chaos.ledger import Ledger
from tests.chaos.run import AFTERWARDS
from tests.chaos.scenarios import ENDS, SUCCEEDED, Outcome, outcome
from tests.chaos.servers.etcd import PodHistory
from tests.chaos.servers.load import Story
from tests.chaos.stage import Stage
from tests.waiting import wait_until

BOUND = 120
RESTARTS = 60


@dataclass
class Site:
    """One team's namespace, and what must become of its tasks."""

    team: Team
    kubeconfig: Path
    folder: Path
    ledger: Ledger
    history: PodHistory
    operators: list[OperatorProcess] = field(default_factory=list)
    """All that came to serve, the present one last."""
    _ends: dict[str, Outcome] = field(default_factory=dict)
    _logs: Iterator[int] = field(default_factory=itertools.count)

    @property
    def cluster(self) -> Cluster:
        """Where it is."""
        return self.team.cluster

    @contextmanager
    def stage(self) -> Iterator[Stage]:
        """Have a connection of its own, which lasts as long as the API server does."""
        with Client(self.cluster) as client:
            yield Stage(self.team, client)

    def create(self, stories: Iterable[Story]) -> None:
        """Create tasks, which are to end as told."""
        with self.stage() as stage:
            for task, end in stories:
                code, created = stage.client.create_task(self.team.namespace, task)
                assert code == 201, created
                self._ends[_key(created)] = end

    def runs(self, name: str) -> float:
        """Create a task that ends at once; return how many seconds it takes until it is over."""
        began = time.monotonic()
        self.create([Story(manifest(name, fate=ENDS), SUCCEEDED)])
        self._wait_until_over(f"{name}, created after the fault, has ended")
        return time.monotonic() - began

    def start_operator(self, *options: str) -> OperatorProcess:
        """Start an operator for all namespaces, as the chart does."""
        log = self.folder / f"operator-{next(self._logs)}.log"
        operator = OperatorProcess.start(self.kubeconfig, log, options=options)
        self.operators.append(operator)
        return operator

    def kept_operator(self, *options: str) -> Keeper:
        """Return a keeper of an operator: tried again each second where it cannot start."""

        def start(_: int) -> OperatorProcess:
            for _ in range(RESTARTS):
                try:
                    return self.start_operator(*options)
                except ClusterError:
                    threading.Event().wait(1)  # A kubelet waits for longer.
            return self.start_operator(*options)

        return Keeper(start)

    def pods(self) -> list[Json]:
        """Return the Pods of the namespace."""
        with self.stage() as stage:
            return stage.pods()

    def phases(self) -> Counter[str]:
        """Count the tasks by phase."""
        return Counter(task["status"]["phase"] for task in self._tasks().values())

    def wait_until_finished(self, count: int) -> None:
        """Wait until so many tasks are finished."""

        def are_finished() -> bool:
            phases = self.phases()
            return phases["Succeeded"] + phases["Failed"] >= count

        wait_until(are_finished, f"{count} tasks are finished", BOUND)

    def wait_until_ended(self, *pods: Iterable[str]) -> None:
        """Wait until all these Pods have ended."""

        def have_ended() -> bool:
            final = ("Succeeded", "Failed")
            ended = {p["metadata"]["name"] for p in self.pods() if p["status"]["phase"] in final}
            return ended.issuperset(itertools.chain(*pods))

        wait_until(have_ended, "the Pods have ended")

    def moved_on(self, since: datetime) -> datetime:
        """Wait until the operator writes anew, by the audit log, and return when that was."""
        found: list[datetime] = []

        def has_written() -> bool:
            found[:] = (at for at in self._writes() if at > since)
            return bool(found)

        wait_until(has_written, "the operator writes", BOUND)
        return found[0]

    def remind_kubelets(self) -> None:
        """Touch every Pod: a kubelet tells again what it could not, a simulated one only then."""
        touched = {"metadata": {"annotations": {"test.mltask.dev/touched": "true"}}}
        with self.stage() as stage:
            for pod in stage.pods():
                path = f"{PODS.format(self.team.namespace)}/{pod['metadata']['name']}"
                code, answer = stage.client.request("PATCH", path, touched)
                assert code in (200, 404), answer

    def check(self) -> None:
        """Wait for the end of all tasks, and of one that comes afterwards; hold them to theirs."""
        self._wait_until_over("every task has ended, and no Pod is left")
        self.runs(AFTERWARDS)
        self.check_ends()

    def check_ends(self) -> None:
        """Fail unless each task ended as told, with a Pod for each attempt, one at a time."""
        tasks, pods = self._tasks(), self._pods()
        for task, expected in self._ends.items():
            ended = outcome(tasks.get(task), len(pods[task]))
            assert ended == expected, f"{task} ended as {ended}, not as {expected}"
            assert len(pods[task]) == expected.attempts, f"{task} had {pods[task]}"
        made = self.ledger.made(self.team.namespace)
        again = {pod: times for pod, times in made.items() if times > 1}
        assert not again, f"by the audit log, made more than once: {again}"

    def _wait_until_over(self, what: str) -> None:
        def is_over() -> bool:
            tasks = self._tasks()
            for name, end in self._ends.items():
                task = tasks.get(name)
                if (task is not None) if end.phase is None else outcome(task, 0) is None:
                    return False
            return not self.pods()

        wait_until(is_over, what, BOUND)

    def _pods(self) -> dict[str, list[str]]:
        """Return each task's Pods, after a look that one was there at a time and made once."""
        lives: dict[str, list[tuple[str, str]]] = defaultdict(list)

        def is_told() -> bool:
            lives.clear()
            for kind, pod in self.history.lives(self.team.namespace):
                lives[pod.rpartition("-")[0]].append((kind, pod))
            return all(len(lives[task]) >= 2 * end.attempts for task, end in self._ends.items())

        wait_until(is_told, "etcd tells of each attempt's Pod")
        pods = {}
        for task, seen in lives.items():
            pods[task] = [pod for kind, pod in seen if kind == "ADDED"]
            one_by_one = [(kind, pod) for pod in pods[task] for kind in ("ADDED", "DELETED")]
            assert seen == one_by_one, f"{task}: more than one Pod at a time: {seen}"
            assert len(set(pods[task])) == len(pods[task]), f"{task}: made twice: {pods[task]}"
        return pods

    def _tasks(self) -> dict[str, Json]:
        with self.stage() as stage:
            listed = stage.client.objects(tasks_path(self.team.namespace))
        return {_key(task): task for task in listed}

    def _writes(self) -> Iterator[datetime]:
        """Yield when the operator's writes in the namespace that took effect were answered."""
        for event in self.cluster.audit_log.events(about=self.team.namespace):
            match event:
                case {
                    "verb": "create" | "patch" | "delete",
                    "user": {"username": str(user)},
                    "objectRef": {"namespace": str(namespace)},
                    "responseStatus": {"code": 200 | 201},
                    "stageTimestamp": str(at),
                } if (user, namespace) == (OPERATOR, self.team.namespace):
                    yield datetime.fromisoformat(at)


def _key(task: Json) -> str:
    """Return what the names of the task's Pods begin with."""
    metadata = task["metadata"]
    return f"{metadata['name']}-{metadata['uid'][:8]}"
