"""The policy and quota of docs/security.md bound what a tenant stores, and refuse no example."""

import json
from collections.abc import Iterator

import pytest
import yaml

from localcluster import Cluster
from tests.api.team import Json, Team, manifest
from tests.attack.record import EDITS, Record
from tests.docs.pages import DOCS, ROOT, blocks
from tests.waiting import wait_until

SHOWN = "# tenant-limits.yaml\n"
KIND = "count/mltasks.mltask.dev"
LARGE = 50_000
"""Characters, more than the policy allows."""


HUGE: dict[str, Json] = {
    "a long variable": {"env": [{"name": "X", "value": "x" * LARGE}]},
    "tiny arguments": {"args": [""] * LARGE},
    "many variables": {"env": [{"name": f"X{n}"} for n in range(LARGE // 10)]},
    "many steps": {"steps": [{"name": f"s{n}", "args": ["x" * 1000]} for n in range(50)]},
    "a sidecar's arguments": {
        "template": {"spec": {"containers": [{"name": "s", "image": "x", "args": [""] * LARGE}]}}
    },
    "tolerations": {"template": {"spec": {"tolerations": [{"key": f"k{n}"} for n in range(5000)]}}},
    "a node selector": {
        "template": {"spec": {"nodeSelector": {f"k{n}": "v" for n in range(5000)}}}
    },
    "the template's labels": {
        "template": {"metadata": {"labels": {f"k{n}": "v" * 60 for n in range(1000)}}}
    },
}


@pytest.fixture(scope="module")
def limited(cluster: Cluster) -> Iterator[Team]:
    """A namespace with what the page shows; the policy binds no other namespace of the tests."""
    team = Team.create(cluster)
    shown = _shown()
    team.kubectl("label", "namespace", team.namespace, "tenant=true")
    team.kubectl("apply", "-f", "-", stdin=shown)
    try:
        # The API server compiles a new policy after a moment.
        refused = manifest("huge", **HUGE["a long variable"])
        wait_until(lambda: _answer(team, refused)[0] == 422, "the policy is in force")
        _count_objects(team, _quota())
        yield team
    finally:
        team.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=shown)


def _shown() -> str:
    """Return the objects that the page shows."""
    [shown] = (b for b in blocks(DOCS / "security.md", "yaml") if b.startswith(SHOWN))
    return shown


def _quota() -> Json:
    """Return the quota that the page shows."""
    [found] = (each for each in yaml.safe_load_all(_shown()) if each["kind"] == "ResourceQuota")
    quota: Json = found
    return quota


def _count_objects(team: Team, quota: Json) -> None:
    """Wait until the quota counts MLTasks; until then it refuses all of them.

    The controller learns of a new kind within half a minute, and then counts it in new quotas.
    """

    def counts() -> bool:
        path = team.path("resourcequotas", quota["metadata"]["name"])
        if KIND in team.client.send("GET", path).get("status", {}).get("used", {}):
            return True
        team.client.request("DELETE", path)
        team.apply(quota)
        return False

    team.apply(quota)
    wait_until(counts, "the quota counts MLTasks")


def _answer(team: Team, body: Json) -> tuple[int, Json]:
    return team.client.create_task(team.namespace, body, dry_run=True)


@pytest.mark.parametrize("where", HUGE)
def test_a_huge_task_is_refused(limited: Team, where: str) -> None:
    code, answer = _answer(limited, manifest("huge", **HUGE[where]))
    assert code == 422, answer
    assert "longer than 32,768 characters" in answer["message"]


def test_huge_annotations_are_refused(limited: Team) -> None:
    body = manifest("huge")
    body["metadata"]["annotations"] = {"a": "x" * LARGE}
    code, answer = _answer(limited, body)
    assert code == 422, answer
    assert "longer than 16,384 characters" in answer["message"]


def test_every_example_is_accepted(limited: Team) -> None:
    tasks = [
        body
        for path in sorted((ROOT / "examples").glob("**/*.yaml"))
        for body in yaml.safe_load_all(path.read_text())
        if body["kind"] == "MLTask"
    ]
    refused = [answer for code, answer in (_answer(limited, task) for task in tasks) if code != 201]
    assert len(tasks) > 10
    assert refused == []


def test_a_huge_task_from_before_the_policy_can_be_deleted(limited: Team) -> None:
    label, finalizer = json.dumps({"metadata": {"labels": {"tenant": None}}}), "example.com/kept"
    unlabel = ("--type=merge", f"--patch={label}")
    limited.kubectl("patch", "namespace", limited.namespace, *unlabel)
    huge = manifest("before", suspend=True, **HUGE["a long variable"])
    huge["metadata"]["finalizers"] = [finalizer]
    path = limited.path("mltasks", "before")
    wait_until(lambda: limited.client.create_task(limited.namespace, huge)[0] == 201, "no policy")
    limited.kubectl("label", "namespace", limited.namespace, "tenant=true")
    change = {"metadata": {"labels": {"a": "b"}}}
    wait_until(lambda: limited.client.request("PATCH", path, change)[0] == 422, "the policy")
    limited.client.send("DELETE", path)
    limited.client.send("PATCH", path, {"metadata": {"finalizers": None}})
    assert limited.client.request("GET", path)[0] == 404


def test_the_quota_bounds_the_number(cluster: Cluster, record: Record) -> None:
    with record.attack(EDITS, "tasks that are huge or too many, with the policy below") as attack:
        team, quota = Team.create(cluster), _quota()
        quota["spec"]["hard"] = dict.fromkeys(quota["spec"]["hard"], "1")
        _count_objects(team, quota)
        team.run("first", suspend=True)
        code, answer = team.client.create_task(team.namespace, manifest("second"))
        assert code == 403, answer
        assert "exceeded quota: object-counts" in answer["message"]
        attack.seen = "refused by the API server"
