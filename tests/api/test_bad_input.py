"""Bad input is refused at `kubectl apply`, or ends as Failed, or waits, in words that say why.

The operator stays what it was, and the other tasks go on.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api import bad_manifests, bad_structures
from tests.api.audit import requests_per_task
from tests.api.bad_manifests import changed, spec
from tests.api.bad_outcomes import BASELINE, CASES, LIMITS, OPEN, QUOTA, RESTRICTED, Case
from tests.api.bad_structures import steps
from tests.api.client import Client
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team
from tests.waiting import BOUND, wait_until

REFUSED = bad_manifests.REFUSED + bad_structures.REFUSED
PLACES = (OPEN, BASELINE, RESTRICTED, QUOTA, LIMITS)
DEMANDS: dict[str, Json] = {
    QUOTA: {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "compute"},
        "spec": {"hard": {"requests.cpu": "1", "limits.cpu": "2"}},
    },
    LIMITS: {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "compute"},
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]},
    },
}
MOST_REQUESTS = 15
"""Of the operator for one task: five where all goes well; one a second at first, and soon one each
half minute, where the API server refuses its Pod for now."""


@pytest.mark.parametrize(("_", "change", "words"), REFUSED, ids=[row[0][:60] for row in REFUSED])
def test_refused(unserved: Team, client: Client, _: str, change: Json, words: str) -> None:
    code, answer = client.create_task(unserved.namespace, changed("t", change), dry_run=True)
    assert code in (400, 422), answer
    assert words in answer["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spec(comand=["true"]), 'unknown field "spec.comand"'),
        (spec(image=None), "spec.image: Required value"),
        (steps("a", command=["true"]), "with steps, command and args belong to each of them"),
    ],
    ids=["unknown field", "missing field", "rule"],
)
def test_kubectl_apply_tells_of_it(unserved: Team, change: Json, words: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(words)):
        unserved.kubectl("apply", "-f", "-", stdin=json.dumps(changed("t", change)))


def test_what_kubectl_cannot_remember_is_refused(unserved: Team) -> None:
    large = changed("t", spec(env=[{"name": "A", "value": "x" * 2**20}]))
    with pytest.raises(ClusterError, match=r"metadata\.annotations: Too long"):
        unserved.kubectl("apply", "-f", "-", stdin=json.dumps(large))


# What the API server accepts


@dataclass(frozen=True)
class Outcomes:
    """What becomes of all cases, which came to one operator at once, before good tasks."""

    operator: OperatorProcess
    client: Client
    tasks: dict[str, Json]
    """The objects as they were created, by the case's name."""
    deadline: float

    def status(self, case: Case) -> Json:
        """Wait for the case's phase and reason, and return the status."""
        metadata = self.tasks[case.name]["metadata"]
        status: Json = {}

        def stands() -> bool:
            status.update(self.client.get_task(metadata["namespace"], metadata["name"])["status"])
            return (status["phase"], status.get("reason")) == (case.phase, case.reason)

        # Where it does not come to that, the test says what it came to instead.
        with suppress(AssertionError):
            wait_until(stands, case.name, max(1.0, self.deadline - time.monotonic()))
        return status


@pytest.fixture(scope="module")
def outcomes(
    cluster: Cluster,
    operator_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
    client: Client,
) -> Iterator[Outcomes]:
    teams = {where: Team.create(cluster) for where in PLACES}
    for where, team in teams.items():
        _demand(team, where)
    log = tmp_path_factory.mktemp("operator") / "log"
    namespaces = [team.namespace for team in teams.values()]
    operator = OperatorProcess.start(operator_kubeconfig, log, *namespaces)
    tasks = {}
    for number, case in enumerate(CASES):
        body = changed(f"case-{number}", case.change)
        code, tasks[case.name] = client.create_task(teams[case.where].namespace, body)
        assert code == 201, (case.name, tasks[case.name])
    yield Outcomes(operator, client, tasks, time.monotonic() + BOUND)
    operator.stop()
    for team in teams.values():
        team.delete()


def _demand(team: Team, where: str) -> None:
    """Have the namespace demand of Pods what its name says."""
    if where in (BASELINE, RESTRICTED):
        enforce = f"pod-security.kubernetes.io/enforce={where}"
        team.kubectl("label", "namespace", team.namespace, enforce)
    elif demand := DEMANDS.get(where):
        team.kubectl("create", "-f", "-", stdin=json.dumps(demand))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_outcome(outcomes: Outcomes, case: Case) -> None:
    status = outcomes.status(case)
    assert (status["phase"], status.get("reason")) == (case.phase, case.reason), status
    assert case.words in status.get("message", "")
    assert len(status.get("message", "")) <= 1024
    conditions = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
    assert ("Finished" in conditions) == (case.phase in ("Failed", "Succeeded"))


def test_the_operator_is_still_the_same_and_at_rest(outcomes: Outcomes, cluster: Cluster) -> None:
    for case in CASES:
        outcomes.status(case)
    assert outcomes.operator.is_healthy()
    assert "Traceback" not in outcomes.operator.log

    def requests() -> Counter[str]:
        return requests_per_task(cluster, outcomes.tasks.values())

    wait_until(lambda: len(requests()) == len(CASES), "the audit log tells of each")
    assert {name: n for name, n in requests().items() if n > MOST_REQUESTS} == {}
