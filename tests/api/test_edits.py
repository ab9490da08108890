"""What of an MLTask may be changed once it is there, and what may not."""

import json
from typing import Any

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from tests.api.client import Client
from tests.api.team import Json, Team, manifest

STEPS = [{"name": "a"}, {"name": "b"}]
MEMORY = {"resources": {"requests": {"memory": "1Gi"}}}
IMMUTABLE: list[tuple[str, Json, Any]] = [
    ("image", {"image": "trainer:1"}, "trainer:2"),
    ("command", {"command": ["train"]}, ["train", "--more"]),
    ("args", {"args": []}, ["--more"]),
    ("workingDir", {"workingDir": "/a"}, "/b"),
    ("env", {"env": [{"name": "A", "value": "1"}]}, [{"name": "A", "value": "2"}]),
    ("envFrom", {"envFrom": [{"prefix": "A"}]}, [{"prefix": "B"}]),
    ("resources", MEMORY, {"requests": {"memory": "2Gi"}}),
    ("template", {"template": {"spec": {}}}, {"spec": {"priorityClassName": "urgent"}}),
    ("steps", {"steps": STEPS}, [*STEPS, {"name": "c"}]),
    ("stepFailurePolicy", {"steps": STEPS, "stepFailurePolicy": "Stop"}, "Continue"),
    ("backoffLimit", {"backoffLimit": 1}, 2),
    ("backoff", {"backoff": {"baseSeconds": 1}}, {"baseSeconds": 2}),
    (
        "podFailurePolicy",
        {"podFailurePolicy": {"rules": [{"action": "Fail", "onPodConditions": [{"type": "A"}]}]}},
        {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "A"}]}]},
    ),
    ("onOutOfMemory", {**MEMORY, "onOutOfMemory": {"maxMemory": "2Gi"}}, {"maxMemory": "3Gi"}),
    ("pendingDeadlineSeconds", {"pendingDeadlineSeconds": 60}, 61),
]
MUTABLE = {"suspend": True, "ttlSecondsAfterFinished": 0, "activeDeadlineSeconds": 5}


def test_each_field_is_either_immutable_or_not(cluster: Cluster) -> None:
    crd = json.loads(cluster.kubectl("get", "crd", "mltasks.mltask.dev", "-o", "json"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    assert {field for field, _, _ in IMMUTABLE} | MUTABLE.keys() == schema["properties"].keys()


@pytest.mark.parametrize(("field", "before", "other"), IMMUTABLE, ids=[r[0] for r in IMMUTABLE])
def test_immutable(unserved: Team, client: Client, field: str, before: Json, other: Any) -> None:
    name = f"immutable-{field.lower()}"
    is_required = field in manifest(name)["spec"]
    without = {f: value for f, value in before.items() if f != field}
    create(client, unserved, name, before)
    create(client, unserved, f"{name}-absent", without)
    edits = [(name, other)]
    if not is_required:
        edits += [(name, None), (f"{name}-absent", before[field])]
    for task, value in edits:
        code, answer = client.edit_task(unserved.namespace, task, {"spec": {field: value}})
        assert code == 422
        assert f"spec.{field}: Invalid value: {field} is immutable: delete" in answer["message"]


def test_kubectl_apply_tells_of_it(unserved: Team) -> None:
    unserved.run("t")
    with pytest.raises(ClusterError, match="image is immutable: delete the MLTask and create it"):
        unserved.run("t", image="other")


@pytest.mark.parametrize(("field", "value"), MUTABLE.items())
def test_may_be_changed_at_any_time(unserved: Team, client: Client, field: str, value: Any) -> None:
    name = f"mutable-{field.lower()}"
    create(client, unserved, name, {})
    for new in (value, None):
        code, answer = client.edit_task(unserved.namespace, name, {"spec": {field: new}})
        assert code == 200, answer
        assert answer["spec"].get(field) == new


def create(client: Client, team: Team, name: str, fields: Json) -> None:
    code, answer = client.create_task(team.namespace, manifest(name, **fields))
    assert code == 201, answer
