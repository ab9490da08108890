"""Each right that the chart gives is needed: whoever takes one away is told which it was."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.client import Client
from tests.api.operator_process import PROGRAM, OperatorProcess
from tests.api.rights import Chart, Program, Right, granted, may
from tests.api.team import Json, Team

AT_A_TIME = 4
LET_GO = '{"metadata": {"finalizers": null}}'
HELD: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "held",
        "labels": {
            "mltask.dev/task": "held",
            "mltask.dev/task-uid": "12345678-0000-0000-0000-000000000000",
            "mltask.dev/attempt": "1",
        },
        "finalizers": ["mltask.dev/tracking"],
    },
    "spec": {"containers": [{"name": "main", "image": "trainer:1"}]},
}
"""What the uninstall hook is there for: a Pod that nobody else lets go of."""


@pytest.fixture(params=["cluster-wide", "namespaced"])
def chart(request: pytest.FixtureRequest, team: Team, other_team: Team) -> Chart:
    """The chart in both modes; it lives in the team's namespace."""
    served = [team.namespace, other_team.namespace] if request.param == "namespaced" else []
    return Chart(team.cluster, team.namespace, served)


def lacking_each(release: Callable[[str], Program], name: str) -> list[tuple[Right, Program]]:
    """Return each of a program's rights, with the program of a release that lacks just that."""
    count = len(release(name).rights)
    programs = [release(f"{name}-{n}") for n in range(count)]
    rights = [program.rights[n] for n, program in enumerate(programs)]
    return [(right, p.without(right)) for right, p in zip(rights, programs, strict=True)]


def named(said: str) -> list[tuple[str, str]]:
    """Return verb and resource of each right that this output calls missing."""
    by_operator = [
        (verb, resource)
        for listed in re.findall(r"not permitted (?:cluster-wide|in namespace \S+): (.*?)\. ", said)
        for verbs, _, resource in (item.rpartition(" ") for item in listed.split("; "))
        for verb in verbs.split(", ")
    ]
    return by_operator + re.findall(r'cannot (\w+) resource "([\w/]+)"', said)


def unnoticed(right: Right, said: str) -> str | None:
    """Return a program's words if they tell of anything else than that this right is missing."""
    is_told = named(said) == [(right.verb, right.resource)]
    return None if is_told else f"Without {right} it said: {said}"


def operate(cluster: Cluster, program: Program, log: Path) -> str:
    """Run the operator until it serves or has ended; return what it said."""
    kubeconfig = cluster.kubeconfig_for_service_account(program.home, program.account)
    with contextlib.suppress(ClusterError):
        OperatorProcess.start(kubeconfig, log, options=program.options).stop()
    return log.read_text()


def let_go(cluster: Cluster, program: Program) -> str:
    """Run the uninstall hook until it fails; return what it said."""
    kubeconfig = cluster.kubeconfig_for_service_account(program.home, program.account)
    ended = subprocess.run(
        [PROGRAM, "let-go", *program.options],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.stderr if ended.returncode else "it has let go of all Pods"


@contextlib.contextmanager
def granted_but_for_one(
    cluster: Cluster, lacking: Sequence[tuple[Right, Program]]
) -> Iterator[None]:
    """Have the programs' accounts within the block, each without its right."""
    with granted(cluster, [program for _, program in lacking]), Client(cluster) as client:
        assert [right for right, program in lacking if may(client, program.user, right)] == []
        yield


def test_the_operator_says_which_right_was_taken_away(
    chart: Chart, cluster: Cluster, team: Team, tmp_path: Path
) -> None:
    lacking = lacking_each(chart.operator, team.namespace)

    def run(number: int) -> str | None:
        right, program = lacking[number]
        return unnoticed(right, operate(cluster, program, tmp_path / f"{number}.log"))

    with granted_but_for_one(cluster, lacking), ThreadPoolExecutor(AT_A_TIME) as pool:
        said = list(filter(None, pool.map(run, range(len(lacking)))))
    assert lacking
    assert not said, "\n".join(said)


def test_the_uninstall_hook_fails_over_each_right_that_was_taken_away(
    chart: Chart, cluster: Cluster, team: Team, other_team: Team
) -> None:
    lacking = lacking_each(chart.hook, team.namespace)
    said = []
    with granted_but_for_one(cluster, lacking):
        for right, program in lacking:
            # Anew each time: where only some Pods may be patched, the others are let go.
            for each in (team, other_team):
                each.apply(HELD)
            said.append(unnoticed(right, let_go(cluster, program)))
    for each in (team, other_team):
        each.kubectl("patch", "pod", "held", "--type=merge", f"--patch={LET_GO}")
    assert lacking
    assert not any(said), "\n".join(filter(None, said))


def test_admission_asks_who_creates_a_pod_for_the_right_to_its_tasks_finalizers(
    chart: Chart, cluster: Cluster, team: Team
) -> None:
    # No request shows this right in use: the API server looks for it when a Pod is created.
    whole, lacking = (chart.operator(f"{team.namespace}-{name}") for name in ("whole", "lacking"))
    right = next(right for right in lacking.rights if right.resource == "mltasks/finalizers")
    with granted(cluster, [whole, lacking.without(right)]):
        create_pod_of_a_task(team, whole)
        with pytest.raises(ClusterError, match="cannot set blockOwnerDeletion"):
            create_pod_of_a_task(team, lacking)


def create_pod_of_a_task(team: Team, program: Program) -> None:
    """Ask whether this program may create a Pod that blocks the deletion of its task."""
    owner = {"apiVersion": "mltask.dev/v1alpha1", "kind": "MLTask", "name": "x", "uid": "x"}
    blocking = {"name": "x", "ownerReferences": [{**owner, "blockOwnerDeletion": True}]}
    dry_run = ("create", "--dry-run=server", "--as", program.user, "-f", "-")
    team.kubectl(*dry_run, stdin=json.dumps({**HELD, "metadata": blocking}))
