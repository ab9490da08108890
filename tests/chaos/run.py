"""One run of a scenario, with one thing that goes wrong or none, and what must be so at its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcluster import Cluster
from tests.api.client import Client
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team, manifest
from tests.api.watch import Watch
from tests.chaos.faults import AtWrite
from tests.chaos.keeper import Keeper
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import NoFault, Proxy
from tests.chaos.scenarios import ENDS, SUCCEEDED, Outcome, Scenario, outcome
from tests.chaos.stage import Stage
from tests.waiting import wait_until

AFTERWARDS = "afterwards"
"""A task that comes last: once it is done, a restarted operator has seen what was there before."""


class NotReached(AssertionError):
    """The scenario ended with fewer writes than the one at which the fault was to happen."""

    def __init__(self, writes: int) -> None:
        self.writes = writes
        super().__init__(f"{writes} writes: the fault has not happened")


@dataclass(frozen=True)
class Setting:
    """Where the runs take place."""

    cluster: Cluster
    kubeconfig: Path
    ledger: Ledger


@dataclass(frozen=True)
class Strike:
    """A fault that is to happen at one write."""

    write: int
    kind: type[AtWrite]


def play(setting: Setting, scenario: Scenario, folder: Path, strike: Strike | None = None) -> int:
    """Play the scenario; return how many writes it took. Raise AssertionError if a promise broke.

    NotReached is raised where all went well, but the fault did not happen. The folder keeps the
    operators' logs.
    """
    folder.mkdir()
    team = Team.create(setting.cluster)
    try:
        with Client(setting.cluster) as client, Watch(team, folder) as pods:
            return _play(setting, scenario, folder, strike, Stage(team, client), pods)
    finally:
        team.delete()


def _play(
    setting: Setting,
    scenario: Scenario,
    folder: Path,
    strike: Strike | None,
    stage: Stage,
    pods: Watch,
) -> int:
    namespace = stage.team.namespace
    keeper: Keeper
    fault = strike.kind(strike.write, lambda: keeper.kill()) if strike else None
    with Proxy(setting.kubeconfig, fault or NoFault()) as proxy:
        kubeconfig = proxy.write_kubeconfig(folder / "kubeconfig")

        def start(number: int) -> OperatorProcess:
            return OperatorProcess.start(kubeconfig, folder / f"operator-{number}.log", namespace)

        keeper = Keeper(start)
        with keeper:
            scenario.play(stage)
            stage.until(is_over(stage, scenario.ends), "every task has ended, and no Pod is left")
            writes = proxy.writes
            # At the last write all may be over before the fault is done with the operator.
            if fault and not fault.struck.wait(10):
                raise NotReached(writes)
            starts = 2 if fault and fault.is_deadly else 1
            stage.until(lambda: keeper.starts == starts, f"{starts} operators were started")
            everything = {**scenario.ends, AFTERWARDS: SUCCEEDED}
            stage.create(manifest(AFTERWARDS, fate=ENDS))
            stage.until(is_over(stage, everything), "a task that comes afterwards has ended")
            assert keeper.failure is None, keeper.failure
            assert keeper.starts == starts, "the operator has ended by itself"
            for task, expected in everything.items():
                check(setting.ledger, stage, pods, task, expected)
    return writes


def is_over(stage: Stage, ends: Mapping[str, Outcome]) -> Callable[[], bool]:
    """Return the question whether these tasks have ended, and no Pod is left."""

    def are_over() -> bool:
        for name, end in ends.items():
            task = stage.task(name)
            is_to_go = end.phase is None
            if (task is not None) if is_to_go else outcome(task, 0) is None:
                return False
        return not stage.pods()

    return are_over


def check(ledger: Ledger, stage: Stage, pods: Watch, task: str, expected: Outcome) -> None:
    """Raise AssertionError unless the task ended as expected, with one Pod for each attempt."""

    def lives() -> list[tuple[str, str]]:
        return pods.lives(task)

    def made() -> list[int]:
        return [n for pod, n in ledger.made(stage.team.namespace).items() if _is_of(pod, task)]

    # Both tell of it a moment later.
    wait_until(lambda: [kind for kind, _ in lives()][-1:] == ["DELETED"], f"{task}: its Pod went")
    wait_until(lambda: len(made()) >= expected.attempts, f"{task}: the audit log has its Pods")

    seen = lives()
    names = [pod for kind, pod in seen if kind == "ADDED"]
    assert [kind for kind, _ in seen] == ["ADDED", "DELETED"] * len(names), (
        f"{task}: more than one Pod at a time: {seen}"
    )
    assert len(set(names)) == len(names), f"{task}: an attempt was made twice: {names}"
    assert made() == [1] * len(names), f"{task}: by the audit log, Pods were made {made()} times"
    ended = outcome(stage.task(task), len(names))
    assert ended == expected, f"{task}: ended as {ended}, not as {expected}"
    assert len(names) == expected.attempts, f"{task}: {names} for {expected.attempts} attempts"


def _is_of(pod: str, task: str) -> bool:
    return pod.rsplit("-", 2)[0] == task
