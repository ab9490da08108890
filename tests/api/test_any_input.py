"""Whatever is applied, as the schema has it or a little beside that, is refused or looked after."""

import re
from collections import Counter

from hypothesis import HealthCheck, given, settings

from localcluster import Cluster
from tests.api.any_spec import ANY_SPEC
from tests.api.audit import requests_per_task
from tests.api.client import Client, tasks_path
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team
from tests.waiting import wait_until

EXAMPLES = 400
MOST_REQUESTS = 15
"""Of the operator, for a task that never gets a Pod or has one attempt."""
MOST_REQUESTS_PER_ATTEMPT = 6


def test_any_input(cluster: Cluster, team: Team, operator: OperatorProcess, client: Client) -> None:
    accepted = apply_anything(team, client)
    wait_until(lambda: not neglected(team, client), "each has its Pod, or says why not")
    assert operator.is_healthy()
    assert "Traceback" not in operator.log

    requests = requests_per_task(cluster, accepted)
    tasks = {task["metadata"]["name"]: task for task in client.objects(tasks_path(team.namespace))}
    attempts = {name: task["status"].get("attempts", 1) for name, task in tasks.items()}
    too_many = {
        name: number
        for name, number in requests.items()
        if number > MOST_REQUESTS + MOST_REQUESTS_PER_ATTEMPT * (attempts.get(name, 1) - 1)
    }
    assert too_many == {}

    client.request("DELETE", tasks_path(team.namespace))
    wait_until(lambda: not client.objects(tasks_path(team.namespace)), "no task is left")
    wait_until(lambda: not client.objects(pods_path(team)), "no Pod is left")


def apply_anything(team: Team, client: Client) -> list[Json]:
    """Apply many specs, the same each time; return those that were accepted, as they were then."""
    accepted: list[Json] = []
    answers: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(ANY_SPEC)
    def apply(spec: Json) -> None:
        task = {
            "apiVersion": "mltask.dev/v1alpha1",
            "kind": "MLTask",
            "metadata": {"name": f"any-{answers.total()}"},
            "spec": spec,
        }
        code, answer = client.create_task(team.namespace, task)
        answers[code] += 1
        if code == 201:
            accepted.append(answer)
        else:
            assert code in (400, 422), answer
            assert re.search(r"\bspec\b", answer["message"]), answer

    apply()
    assert min(answers[201], answers[422]) > EXAMPLES // 4, answers
    return accepted


def neglected(team: Team, client: Client) -> list[Json]:
    """Return the tasks that have no Pod, and do not say why."""
    tasks = client.objects(tasks_path(team.namespace))
    pods = client.objects(pods_path(team))
    owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in pods}
    return [
        task
        for task in tasks
        if task["status"]["phase"] == "Pending"
        and not task["status"].get("reason")
        and task["metadata"]["uid"] not in owners
    ]


def pods_path(team: Team) -> str:
    return f"/api/v1/namespaces/{team.namespace}/pods"
