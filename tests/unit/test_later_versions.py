"""Words and numbers of a later version in spec or status: the operator leaves the task alone.

The cases come from the CRD: each enumeration gets an unknown word, each number odd values.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mltask_operator.kube.parse import task_from
from mltask_operator.lifecycle.actions import ReleasePod, Wait
from mltask_operator.lifecycle.decide import decide
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.store import Store
from tests.fake_api import FakeApi
from tests.unit.bodies import deleted, pod_body, task_body
from tests.unit.known import seen
from tests.unit.pods import NOW
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
Place = tuple[str | int, ...]
CRD = yaml.safe_load(Path("crds/mltasks.yaml").read_text())
[VERSION] = CRD["spec"]["versions"]
SCHEMA: Json = VERSION["schema"]["openAPIV3Schema"]["properties"]
OF_KUBERNETES = ("template", "env", "envFrom", "resources")
"""Fields that go into the Pod as they are: the API server that knows their words judges them."""

TIME = "2026-01-01T11:59:50Z"
SPEC: Json = {
    "image": "i",
    "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    "backoffLimit": 3,
    "backoff": {"baseSeconds": 1, "maxSeconds": 2},
    "podFailurePolicy": {
        "rules": [
            {
                "action": "Fail",
                "onExitCodes": {"operator": "In", "values": [1]},
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            }
        ]
    },
    "onOutOfMemory": {"memoryFactor": 2.0, "maxMemory": "4Gi"},
    "stepFailurePolicy": "Stop",
    "activeDeadlineSeconds": 1000,
    "pendingDeadlineSeconds": 1000,
    "ttlSecondsAfterFinished": 1000,
}
STATUS: Json = {
    "phase": "Pending",
    "attempts": 1,
    "failures": 1,
    "disruptions": 0,
    "exitCode": 1,
    "observedGeneration": 1,
    "pendingSince": TIME,
    "startTime": TIME,
    "completionTime": TIME,
    "conditions": [
        {
            "type": "Suspended",
            "status": "False",
            "reason": "Resumed",
            "message": "",
            "lastTransitionTime": TIME,
        }
    ],
    "steps": [
        {
            "name": "a",
            "phase": "Pending",
            "exitCode": 1,
            "startTime": TIME,
            "completionTime": TIME,
        }
    ],
    "allocation": {"requests": {"memory": "1Gi"}, "seconds": 1},
    "history": [
        {
            "attempt": 1,
            "reason": "ContainerFailed",
            "podName": "p",
            "exitCode": 1,
            "startTime": TIME,
            "completionTime": TIME,
        }
    ],
}
PARTS: Json = {"spec": SPEC, "status": STATUS}
ODD_NUMBERS: tuple[Any, ...] = (1.5, 10**30, -(10**30), "many", "5", True, [], {})
ODD_TIMES: tuple[Any, ...] = (
    "now",
    "2026-01-01T00:00:00",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    [],
)


def fields(schema: Json, path: Place = ()) -> Iterator[tuple[Place, Json]]:
    """Yield the path and schema of each enumeration, number and time."""
    is_time = schema.get("format") == "date-time"
    if "enum" in schema or is_time or schema.get("type") in ("integer", "number"):
        yield path, schema
    for name, part in schema.get("properties", {}).items():
        if name not in OF_KUBERNETES:
            yield from fields(part, (*path, name))
    if isinstance(items := schema.get("items"), dict):
        yield from fields(items, (*path, 0))


def odd_values(path: Place, schema: Json) -> Iterator[Any]:
    if "enum" in schema:
        yield from ("Celebrate", "", 1)
    elif schema.get("format") == "date-time":
        yield from ODD_TIMES
    else:
        yield from ODD_NUMBERS[schema["type"] == "number" :]
        if path[-1] not in ("exitCode", 0):  # which may be negative
            yield -1
        if "maximum" in schema:
            yield schema["maximum"] + 1


CASES = [
    (part, path, value)
    for part in PARTS
    for path, schema in fields(SCHEMA[part])
    for value in odd_values(path, schema)
]


def changed(part: str, path: Place, value: Any) -> Json:
    """Return an MLTask in which this value is at this place."""
    body = {**task_body(10), **copy.deepcopy(PARTS)}
    if path[0] == "steps" and part == "spec":
        body["spec"]["steps"] = [{"name": "a"}]
    place = body[part]
    for key in path[:-1]:
        place = place[key]
    assert path[-1] == 0 or path[-1] in place, "SPEC and STATUS lack a field of the CRD"
    place[path[-1]] = value
    return body


def test_what_this_version_knows_is_understood() -> None:
    assert task_from({**task_body(10), **PARTS}).unknown is None
    assert len(CASES) > 200


@pytest.mark.parametrize(("part", "path", "value"), CASES)
def test_a_task_with_an_unknown_value_is_left_alone(part: str, path: Place, value: Any) -> None:
    store = Store(lambda: NOW)
    store.record_task(changed(part, path, value), is_certain=True)
    store.record_pod(pod_body(20))
    task = seen(store).task
    assert task is not None
    assert task.unknown is not None
    assert isinstance(decide(seen(store), NOW), Wait)


def test_a_rules_unknown_field_is_not_ignored() -> None:
    body = changed("spec", ("podFailurePolicy", "rules", 0, "action"), "Fail")
    body["spec"]["podFailurePolicy"]["rules"][0]["onNodeLabels"] = {"zone": "a"}
    assert task_from(body).unknown == (
        "podFailurePolicy.rules.0.onNodeLabels: Extra inputs are not permitted"
    )


def test_its_pods_are_released_with_it_all_the_same() -> None:
    body = changed("spec", ("podFailurePolicy", "rules", 0, "action"), "Celebrate")
    body["metadata"]["deletionTimestamp"] = TIME
    store = Store(lambda: NOW)
    store.record_task(body, is_certain=True)
    store.record_pod(pod_body(20, metadata=deleted(30)))
    assert isinstance(decide(seen(store), NOW), ReleasePod)


async def test_others_continue_at_the_start_and_in_each_listing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    api = FakeApi()
    rule = {"action": "Celebrate", "onExitCodes": {"operator": "In", "values": [1]}}
    api.create_task("a", "later", {**SPEC, "podFailurePolicy": {"rules": [rule]}})
    api.create_task("a", "usual", SPEC)
    controller = Controller(api, [], election=None, sees_priorities=False, metrics=Metrics())
    await controller.start()
    for _ in range(3):
        controller.on_listing("/api/v1/pods")
        await let_pass(5)
    assert [name.partition("-")[0] for name in api.created] == ["usual"]
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "a/later: left alone" in warning.getMessage()
    assert "podFailurePolicy.rules.0.action" in warning.getMessage()
    assert not [record for record in caplog.records if record.exc_info]
    await controller.stop()
