"""The Pod of a task with steps: those that are left, one after another, in one allocation."""

from typing import Any

from mltask_operator.api.v1alpha1 import MAX_STEPS
from mltask_operator.kube.parse import task_from
from mltask_operator.lifecycle.manifest import pod_manifest
from tests.unit.bodies import Json, task_body
from tests.unit.builders import SPEC

A: Json = {"name": "a", "command": ["prepare"]}
B: Json = {"name": "b", "command": ["train"]}
C: Json = {"name": "c", "command": ["evaluate"]}
SCRATCH = {"name": "scratch", "mountPath": "/mltask/scratch"}


def pod_spec(
    *steps: Json, template: Json | None = None, ended: dict[str, str] | None = None, **spec: Any
) -> Json:
    """Return the spec of the next Pod; `ended` has the phases of steps in status."""
    told = [{"name": name, "phase": phase} for name, phase in (ended or {}).items()]
    body = task_body(status={"phase": "Pending", "steps": told})
    body["spec"] = {**SPEC, "steps": list(steps), "template": {"spec": template or {}}, **spec}
    found: Json = pod_manifest(task_from(body), body["spec"], 1)["spec"]
    return found


def order(spec: Json) -> tuple[list[str], list[str]]:
    """Return the names of the init containers, and those of the containers."""
    return (
        [c["name"] for c in spec.get("initContainers", ())],
        [c["name"] for c in spec["containers"]],
    )


def container(spec: Json, name: str) -> Json:
    [found] = [
        c for c in (*spec.get("initContainers", ()), *spec["containers"]) if c["name"] == name
    ]
    return dict(found)


# Which, and in what order


def test_all_but_the_last_run_before_it() -> None:
    assert order(pod_spec(A, B, C)) == (["a", "b"], ["c"])


def test_a_single_step_takes_the_place_of_main() -> None:
    assert order(pod_spec(A)) == ([], ["a"])


def test_steps_that_have_an_end_do_not_run_again() -> None:
    assert order(pod_spec(A, B, C, ended={"a": "Succeeded", "b": "Running"})) == (["b"], ["c"])
    assert order(pod_spec(A, B, C, ended={"a": "Failed", "b": "Succeeded"})) == ([], ["c"])
    assert order(pod_spec(A, B, C, ended={"a": "Pending", "b": "Pending"})) == (["a", "b"], ["c"])


def test_as_many_as_may_be_are_in_order() -> None:
    names = [f"step-{number}" for number in range(MAX_STEPS)]
    before, last = order(pod_spec(*({"name": name} for name in names)))
    assert before + last == names


def test_init_containers_of_the_template_run_before_the_steps() -> None:
    template = {
        "initContainers": [{"name": "fetch", "image": "git:1"}],
        "containers": [{"name": "proxy", "image": "envoy:1"}],
    }
    assert order(pod_spec(A, B, template=template)) == (["fetch", "a"], ["b", "proxy"])


# What each is


def test_every_step_has_the_whole_request_to_itself() -> None:
    resources = {"requests": {"cpu": "1", "nvidia.com/gpu": "1"}}
    spec = pod_spec(A, B, resources=resources)
    for name in "ab":
        assert container(spec, name)["resources"] == {
            "requests": {"cpu": "1", "nvidia.com/gpu": "1"},
            "limits": {"nvidia.com/gpu": "1"},
        }


def test_a_step_is_main_with_what_it_says_itself() -> None:
    main = {"name": "main", "securityContext": {"runAsUser": 7}, "args": ["of main"]}
    own = {"name": "b", "image": "other:1", "command": ["x"], "args": ["y"], "workingDir": "/b"}
    spec = pod_spec(A, own, template={"containers": [main]}, workingDir="/all")
    a, b = container(spec, "a"), container(spec, "b")
    assert (a["image"], a["command"], a["args"], a["workingDir"]) == (
        "trainer:1",
        ["prepare"],
        ["of main"],
        "/all",
    )
    assert {field: b[field] for field in own} == own
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert a["securityContext"] == b["securityContext"] == {**restricted, "runAsUser": 7}


def test_env_of_a_step_goes_over_that_of_all() -> None:
    step = {**A, "env": [{"name": "SEED", "value": "2"}, {"name": "ONLY", "value": "a"}]}
    common = [{"name": "SEED", "value": "1"}, {"name": "LANG", "value": "C"}]
    spec = pod_spec(step, B, env=common)
    assert container(spec, "a")["env"] == [
        {"name": "LANG", "value": "C"},
        {"name": "SEED", "value": "2"},
        {"name": "ONLY", "value": "a"},
    ]
    assert container(spec, "b")["env"] == common


def test_every_step_leaves_the_end_of_its_log() -> None:
    spec = pod_spec(A, B)
    for name in "ab":
        assert container(spec, name)["terminationMessagePolicy"] == "FallbackToLogsOnError"


# What they share


def test_all_see_one_empty_directory() -> None:
    spec = pod_spec(A, B)
    assert spec["volumes"] == [{"name": "scratch", "emptyDir": {}}]
    for name in "ab":
        assert container(spec, name)["volumeMounts"] == [SCRATCH]


def test_other_volumes_stay() -> None:
    data = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    mount = {"name": "data", "mountPath": "/data"}
    template = {"volumes": [data], "containers": [{"name": "main", "volumeMounts": [mount]}]}
    spec = pod_spec(A, B, template=template)
    assert spec["volumes"] == [data, {"name": "scratch", "emptyDir": {}}]
    assert container(spec, "a")["volumeMounts"] == [mount, SCRATCH]


def test_the_template_may_say_what_the_directory_is_and_where() -> None:
    own = {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}
    assert pod_spec(A, B, template={"volumes": [own]})["volumes"] == [own]
    mount = {"name": "scratch", "mountPath": "/elsewhere"}
    template = {"volumes": [own], "containers": [{"name": "main", "volumeMounts": [mount]}]}
    assert container(pod_spec(A, B, template=template), "b")["volumeMounts"] == [mount]


def test_sidecars_do_not_see_it() -> None:
    template = {"containers": [{"name": "proxy", "image": "envoy:1"}]}
    assert "volumeMounts" not in container(pod_spec(A, B, template=template), "proxy")


def test_a_task_without_steps_has_no_such_directory() -> None:
    body = task_body()
    assert "volumes" not in pod_manifest(task_from(body), body["spec"], 1)["spec"]
