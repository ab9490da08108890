"""MLTasks in Python: built, written, read, repeated."""

import pytest
from pydantic import ValidationError

from mltask import MLTaskSpec, from_json, new_task, retry_of, to_json
from mltask.tasks import has_ended, retry_manifest
from tests.client.bodies import Json, a_task, ago, body


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


@pytest.mark.parametrize(
    "status",
    [
        {"attempts": "many"},
        {"exitCode": 1.5},
        {"startTime": "soon"},
        {"conditions": [{"type": "Finished", "status": "Perhaps"}]},
        {"steps": [{"name": "a", "phase": "Admitted"}, {"phase": 3}, {"name": "c", "phase": 3}]},
        {"history": [{"attempt": 1}, {"attempt": 2}]},
        {"allocation": 7},
        {"message": ["a", "b"]},
    ],
    ids=lambda status: next(iter(status)),
)
def test_a_status_with_values_that_this_version_cannot_read(status: Json) -> None:
    read = from_json(body(phase="Running", reason="Started", **status)).status
    assert (read.phase, read.reason) == ("Running", "Started")
    assert [step.phase for step in read.steps] == ["Admitted"] * ("steps" in status)


@pytest.mark.parametrize(
    "spec",
    [
        {"stepFailurePolicy": "Ask"},
        {"backoffLimit": 2**40},
        {"image": None},
        {"image": ["a", "b"]},
        {"resources": "large"},
        {"env": [{"value": "x"}, {"name": "A", "value": "x"}]},
        {"podFailurePolicy": {"rules": [{"action": "Ask"}]}},
        {"steps": [{"name": "a"}] * 101},
        {"template": {"spec": {"containers": "none"}}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_a_spec_with_values_that_this_version_cannot_read(spec: Json) -> None:
    task = from_json(body(spec=spec, phase="Succeeded", result="42"))
    assert (task.metadata.name, task.status.result) == ("train", "42")


def test_an_unknown_phase_stays_as_an_escaped_word() -> None:
    task = from_json(body(phase="Admit\x1bted"))
    assert str(task.status.phase) == task.status.phase == "Admit\\x1bted"
    assert task.model_dump(mode="json")["status"]["phase"] == "Admit\\x1bted"
    assert not has_ended(task)
    assert has_ended(from_json(body(phase="Skipped", completionTime=ago(1))))


@pytest.mark.parametrize("found", [{}, {"metadata": 7, "spec": {}}, {"spec": {"image": "x"}}])
def test_what_is_no_task_at_all_is_refused(found: Json) -> None:
    with pytest.raises(ValidationError):
        from_json(found)


def test_a_retry_has_fields_that_this_version_does_not_know() -> None:
    old = body(phase="Failed", spec={"novelty": {"a": [1]}, "stepFailurePolicy": "Ask"})
    spec = retry_manifest(old)["spec"]
    assert spec == old["spec"]
    assert spec["novelty"] is not old["spec"]["novelty"]


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
