"""MLTasks in Python: built, written, read, repeated."""

import pytest
from pydantic import ValidationError

from mltask import MLTaskSpec, from_json, new_task, retry_of, to_json
from tests.client.bodies import a_task, body


def test_a_new_task_is_a_manifest() -> None:
    task = new_task(
        "train",
        "trainer:1",
        ["python", "train.py"],
        requests={"cpu": "500m", "nvidia.com/gpu": 1},
        env={"LR": "0.1"},
        backoff_limit=2,
    )
    assert to_json(task) == {
        "apiVersion": "mltask.dev/v1alpha1",
        "kind": "MLTask",
        "metadata": {"name": "train"},
        "spec": {
            "image": "trainer:1",
            "command": ["python", "train.py"],
            "env": [{"name": "LR", "value": "0.1"}],
            "resources": {"requests": {"cpu": "500m", "nvidia.com/gpu": "1"}},
            "backoffLimit": 2,
        },
    }


def test_a_name_with_a_dash_at_its_end_is_completed_by_the_api_server() -> None:
    task = new_task("train-", "trainer:1", requests={"cpu": 1})
    assert to_json(task)["metadata"] == {"generateName": "train-"}


def test_what_is_misspelt_is_named() -> None:
    with pytest.raises(ValidationError, match="backofLimit"):
        new_task("train", "trainer:1", requests={"cpu": 1}, backofLimit=2)


def test_forms_that_the_api_server_accepts_are_accepted() -> None:
    spec = MLTaskSpec.model_validate(
        {
            "image": "trainer:1",
            "resources": {"requests": {"cpu": 1, "nvidia.com/gpu": 2}, "limits": {"memory": 5}},
            "onOutOfMemory": {"maxMemory": 1000},
            "template": {
                "spec": {
                    "nodeSelector": {"disk": "ssd"},
                    "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": 10}}],
                }
            },
        }
    )
    assert spec.resources.requests == {"cpu": "1", "nvidia.com/gpu": "2"}
    assert spec.resources.limits == {"memory": "5"}
    assert spec.on_out_of_memory
    assert spec.on_out_of_memory.max_memory == "1000"
    assert spec.template
    assert spec.template.spec
    assert spec.template.spec.containers == []


def test_what_a_newer_version_has_written_is_read() -> None:
    newer = body(spec={"novelty": 1}, metadata={"novelty": 1}, phase="Running", novelty=1)
    newer["spec"]["template"] = {"spec": {"novelty": 1}}
    assert from_json(newer).status.phase == "Running"


def test_a_retry_is_another_task_with_the_same_spec() -> None:
    old = a_task(
        spec={"suspend": True, "backoffLimit": 3},
        metadata={
            "labels": {"team": "vision"},
            "annotations": {
                "note": "x",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
            },
        },
        phase="Failed",
    )
    manifest = to_json(retry_of(old))
    assert manifest["metadata"] == {
        "name": "train-r1",
        "namespace": "team-a",
        "labels": {"team": "vision"},
        "annotations": {"note": "x", "mltask.dev/retry-of": "train"},
    }
    expected = to_json(old)["spec"]
    del expected["suspend"]
    assert manifest["spec"] == expected


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("train", "train-r1"),
        ("train-r1", "train-r2"),
        ("train-r9", "train-r10"),
        ("train-r", "train-r-r1"),
        ("x" * 63, "x" * 60 + "-r1"),
    ],
)
def test_retries_are_numbered(name: str, following: str) -> None:
    assert retry_of(a_task(name)).metadata.name == following
