"""Each right that the chart gives is used, and nothing beyond them is asked for.

Told by the audit log of a release of its own, in which happens what happens to tasks.
"""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.client import Client
from tests.api.operator_process import PROGRAM, OperatorProcess
from tests.api.pool import Pool
from tests.api.rights import Chart, Program, asked, granted
from tests.api.team import Json, Team, manifest
from tests.chaos.scenarios import ENDS, SCENARIOS, SUCCEEDED, Outcome, Scenario, gone, outcome
from tests.chaos.stage import Stage
from tests.chart.chart import is_denied
from tests.waiting import wait_until

AT_A_TIME = 6
ASKED_BY_ADMISSION = ("mltask.dev", "mltasks/finalizers", "update")
"""No request is for this: test_least_privilege.py shows who asks."""
FINALIZER = "example.com/kept"


def _meets_what_others_made(stage: Stage) -> None:
    kept = manifest("kept", fate=ENDS, ttlSecondsAfterFinished=0)
    stage.create({**kept, "metadata": {"name": "kept", "finalizers": [FINALIZER]}})
    stage.until(lambda: "deletionTimestamp" in _metadata(stage, "kept"), "its time has passed")
    stage.create(manifest("train", fate=ENDS, suspend=True))
    stage.until(lambda: stage.status("train").get("phase") == "Suspended", "it is suspended")
    pod = f"train-{_metadata(stage, 'train')['uid'][:8]}-1"
    stage.team.kubectl("run", pod, "--image=other:1")
    stage.suspend("train", value=False)
    stage.until(lambda: stage.status("train").get("reason") == "PodNameTaken", "its name is taken")
    stage.team.kubectl("delete", "pod", pod, "--force")
    stage.client.edit_task(stage.team.namespace, "kept", {"metadata": {"finalizers": None}})


def _metadata(stage: Stage, task: str) -> Json:
    metadata: Json = (stage.task(task) or {}).get("metadata") or {}
    return metadata


def _loses_its_node(stage: Stage) -> None:
    with Pool(stage.team.cluster) as pool:
        pool.add()
        stage.create(manifest("train", template={"spec": pool.placement}))
        stage.runs("train", 1)
        pool.drive_out(pool.nodes[0])
        pool.add()
        stage.end(stage.runs("train", 2))
        stage.until(lambda: not stage.pods(), "its Pods are gone before their nodes")


EVERYTHING = (
    *SCENARIOS,
    Scenario(
        "meets what others made", _meets_what_others_made, {"train": SUCCEEDED, "kept": gone(1)}
    ),
    Scenario(
        "loses its node",
        _loses_its_node,
        {"train": Outcome("Succeeded", "Completed", 2, disruptions=1)},
    ),
)


@dataclass(frozen=True)
class Run:
    """What two replicas of the operator and the uninstall hook of a release asked for."""

    cluster: Cluster
    programs: Sequence[Program]

    def events(self) -> list[Json]:
        """Return the audit log's events of both accounts."""
        users = {program.user for program in self.programs}
        [home] = {program.home for program in self.programs}
        events = self.cluster.audit_log.events(about=f"system:serviceaccount:{home}:")
        return [event for event in events if event["user"]["username"] in users]

    def unused(self) -> list[str]:
        """Return each right by which no request was let through that then succeeded."""
        used = {_use(event) for event in self.events() if event["responseStatus"]["code"] < 300}
        return sorted(
            {
                f"{right.verb} {right.resource} ({right.role})"
                for program in self.programs
                for right in program.rights
                if (right.group, right.resource, right.verb) != ASKED_BY_ADMISSION
                and (right.role, right.group, right.resource, right.verb) not in used
            }
        )


def _use(event: Json) -> tuple[str, str, str, str]:
    role = re.search(r' of (?:Cluster)?Role "(.+?)"', _why(event))
    return role[1] if role else "", *asked(event)


def _is_for_everybody(event: Json) -> bool:
    return _why(event).endswith('to Group "system:authenticated"')


def _why(event: Json) -> str:
    """Return by which binding the request was let through."""
    return str(event["annotations"].get("authorization.k8s.io/reason"))


@pytest.fixture(scope="module", params=["cluster-wide", "namespaced"])
def run(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """All scenarios, an orderly handover from one replica to the other, and the hook at the end."""
    home, last, *teams = (Team.create(cluster) for _ in range(len(EVERYTHING) + 2))
    served = [team.namespace for team in (last, *teams)] if request.param == "namespaced" else []
    chart = Chart(cluster, home.namespace, served)
    run = Run(cluster, [chart.operator(home.namespace), chart.hook(home.namespace)])
    try:
        with granted(cluster, run.programs):
            _happen(run, teams, home, last, tmp_path_factory.mktemp("run"))
            yield run
    finally:
        for team in (home, last, *teams):
            team.delete()


def _happen(run: Run, teams: Sequence[Team], home: Team, last: Team, folder: Path) -> None:
    operator, hook = run.programs
    kubeconfig = run.cluster.kubeconfig_for_service_account(operator.home, operator.account)
    with contextlib.ExitStack() as at_the_end:

        def start(name: str) -> OperatorProcess:
            log = folder / name
            started = OperatorProcess.start(kubeconfig, log, options=operator.options)
            at_the_end.callback(started.stop)
            return started

        first, _ = start("first"), start("second")
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(_play, teams, EVERYTHING))
        assert first.stop() == 0
        with Client(run.cluster) as client:
            stage = Stage(last, client)
            stage.create(manifest("train"))
            pod = stage.runs("train", 1)
    # As where the operator never led: then it is the hook that makes the Lease.
    home.kubectl("delete", "lease", "--all")
    _let_go(run.cluster, hook)
    assert "finalizers" not in last.get("pod", pod)["metadata"]


def _play(team: Team, scenario: Scenario) -> None:
    with Client(team.cluster) as client:
        stage = Stage(team, client)
        scenario.play(stage)
        stage.until(
            lambda: all(
                outcome(stage.task(task), end.attempts) == end
                for task, end in scenario.ends.items()
            ),
            f"a task that {scenario.name} ends as it must",
        )


def _let_go(cluster: Cluster, hook: Program) -> None:
    kubeconfig = cluster.kubeconfig_for_service_account(hook.home, hook.account)
    subprocess.run(
        [PROGRAM, "let-go", *hook.options],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        check=True,
        timeout=60,
    )


def test_each_right_is_used_by_a_request_that_succeeds(run: Run) -> None:
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not run.unused(), "the last lines are in the audit log", 10)
    assert run.unused() == []


def test_nothing_is_asked_for_that_the_roles_do_not_give(run: Run) -> None:
    events = run.events()
    assert {event["user"]["username"] for event in events} == {p.user for p in run.programs}
    assert [event["requestURI"] for event in events if is_denied(event)] == []


@pytest.mark.parametrize("run", ["namespaced"], indirect=True)
def test_the_namespaced_operator_has_no_right_of_its_own_outside_its_namespaces(run: Run) -> None:
    assert all(right.namespace for program in run.programs for right in program.rights)
    elsewhere = [e for e in run.events() if not e.get("objectRef", {}).get("namespace")]
    assert elsewhere, "it asks what it may do, and whether the definition is there"
    assert [e["requestURI"] for e in elsewhere if not _is_for_everybody(e)] == []
