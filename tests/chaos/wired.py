"""An operator behind a faulty wire, with a crowd of tasks, and what must be so when it is over."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from localcluster import Cluster
from tests.api.audit import SYSTEM, writes
from tests.api.client import Client
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest
from tests.api.watch import Watch
from tests.chaos.crowd import Crowd
from tests.chaos.kubelet import Kubelet, Probe
from tests.chaos.proxy import Proxy
from tests.chaos.run import AFTERWARDS, Setting, check
from tests.chaos.scenarios import ENDS, SUCCEEDED
from tests.chaos.stage import Stage
from tests.chaos.wire import OnWire
from tests.waiting import wait_until

BOUND = 150
"""Seconds after the last fault: the longest pause between two tries is 60."""


class Came(NamedTuple):
    """What came of a fault: what promises were broken, and why the operator was started again."""

    fault: OnWire
    broken: list[str]
    restarts: list[str]


@dataclass
class Wired:
    """What a test of the wire has in its hands."""

    setting: Setting
    stage: Stage
    crowd: Crowd
    pods: Watch
    proxy: Proxy
    kubelet: Kubelet
    kubeconfig: Path
    token: str

    def rotate_token(self) -> str:
        """Put a new token in the place of the operator's, as a kubelet does; return the old one."""
        old, self.token = self.token, new_token(self.setting.cluster)
        self.proxy.write_kubeconfig(self.kubeconfig, self.token)
        return old

    def tend(self) -> bool:
        """See to the tasks; return whether all have ended as they are to, without a Pod."""
        self.pods.read()
        return self.crowd.tend()

    def tend_until_over(self, seconds: float = BOUND) -> None:
        """See to the tasks until all have ended; fail, and say which, if that takes longer."""
        try:
            wait_until(self.tend, "all tasks have ended, and no Pod is left", seconds)
        except AssertionError as error:
            left = "\n".join(self.crowd.left())
            raise AssertionError(
                f"{error}; restarts: {self.kubelet.restarts}; left are:\n{left}"
            ) from None

    def check(self, lost_answers: int) -> list[str]:
        """Have a last task done; return what promises were broken, a line for each task.

        `lost_answers` is how many writes may have been made again, since nobody heard of them.
        """
        self.stage.create(manifest(AFTERWARDS, fate=ENDS))
        self.crowd.ends[AFTERWARDS] = SUCCEEDED
        self.tend_until_over()
        assert self.kubelet.failure is None, self.kubelet.failure
        broken = []
        for task, expected in self.crowd.ends.items():
            try:
                check(self.setting.ledger, self.stage, self.pods, task, expected)
            except AssertionError as error:
                broken.append(str(error))
        if too_many := self._unjustified(lost_answers):
            broken.append(too_many)
        return broken

    def _unjustified(self, lost_answers: int) -> str:
        made = {kind: len(names) for kind, names in writes(self.stage.team).items()}
        attempts = sum(end.attempts for end in self.crowd.ends.values())
        allowed = {
            "create pods": attempts,
            "delete pods": attempts + lost_answers,
            "patch pods": attempts + lost_answers,
            # Of each attempt: that it waits, or that it runs, and its end; then that it is put off.
            "patch mltasks/status": 3 * attempts + 2 * len(self.crowd.ends) + lost_answers,
            "delete mltasks": len(self.crowd.ends),
            # Of each attempt: that it waits for quota, that it is out of time, and how it ended.
            "create events": 3 * attempts,
        }
        too_many = {kind: n for kind, n in made.items() if n > allowed[kind]}
        return f"writes that nothing justifies: {too_many} of {allowed}" if too_many else ""


@contextmanager
def wired(setting: Setting, fault: OnWire, folder: Path) -> Iterator[Wired]:
    """Have an operator running behind a proxy with this fault; the folder keeps its logs."""
    folder.mkdir()
    team = Team.create(setting.cluster)
    try:
        with (
            Client(setting.cluster) as client,
            Watch(team, folder) as pods,
            Proxy(setting.kubeconfig, fault) as proxy,
        ):
            stage = Stage(team, client)
            token = new_token(setting.cluster)
            kubeconfig = proxy.write_kubeconfig(folder / "kubeconfig", token)

            def start(number: int) -> OperatorProcess:
                fault.forget()
                log = folder / f"operator-{number}.log"
                return OperatorProcess.start(kubeconfig, log, team.namespace)

            kubelet = Kubelet(start, Probe.of_chart(setting.cluster))
            with kubelet:
                wait_until(kubelet.is_up.is_set, "the operator has started")
                crowd = Crowd(stage)
                yield Wired(setting, stage, crowd, pods, proxy, kubelet, kubeconfig, token)
    finally:
        team.delete()


def new_token(cluster: Cluster) -> str:
    """Return a token of the operator's service account that nobody has had yet."""
    return cluster.kubectl(
        "create", "token", "mltask-operator", "--namespace", SYSTEM, "--duration=24h"
    ).strip()
