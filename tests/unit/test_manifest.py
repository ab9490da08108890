"""The Pod that a task gets: its template, its short fields, and what the operator needs."""

import copy
from typing import Any

from mltask_operator.kube.parse import task_from
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.observed import Task
from tests.unit.bodies import task_body
from tests.unit.builders import SPEC
from tests.unit.pods import UID

Json = dict[str, Any]


def pod(template_spec: Json | None = None, *, metadata: Json | None = None, **spec: Any) -> Json:
    """Return the manifest of the first Pod of a task with these fields in its spec."""
    template = {"metadata": metadata, "spec": template_spec}
    given_parts = {part: value for part, value in template.items() if value is not None}
    whole = {**SPEC, "template": given_parts, **spec}
    return pod_manifest(a_task_with(whole), whole, 1)


def a_task_with(spec: Json) -> Task:
    return task_from({**task_body(), "spec": spec})


def containers(manifest: Json) -> list[Json]:
    found: list[Json] = manifest["spec"]["containers"]
    return found


def main_of(manifest: Json) -> Json:
    [main] = [c for c in containers(manifest) if c["name"] == "main"]
    return main


# The whole


def test_short_fields_alone_make_a_whole_pod() -> None:
    spec = {
        "image": "trainer:1",
        "command": ["python"],
        "args": ["-m", "train"],
        "workingDir": "/data",
        "env": [{"name": "SEED", "value": "1"}],
        "envFrom": [{"configMapRef": {"name": "common"}}],
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    }
    assert pod_manifest(a_task_with(spec), spec, 2) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "train-0b5f1c2e-2",
            "namespace": "team-a",
            "labels": {
                "mltask.dev/task": "train",
                "mltask.dev/task-uid": UID,
                "mltask.dev/attempt": "2",
            },
            "annotations": {},
            "finalizers": ["mltask.dev/tracking"],
            "ownerReferences": [
                {
                    "apiVersion": "mltask.dev/v1alpha1",
                    "kind": "MLTask",
                    "name": "train",
                    "uid": UID,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main",
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    **spec,
                }
            ],
        },
    }


def test_spec_is_left_as_it_is() -> None:
    main = {"name": "main", "env": [{"name": "A"}], "resources": {"requests": {"cpu": "9"}}}
    spec = {
        **SPEC,
        "env": [{"name": "A", "value": "1"}],
        "resources": {"requests": {"nvidia.com/gpu": "1"}, "limits": {"cpu": "1"}},
        "template": {
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"containers": [main], "initContainers": [{"name": "fetch"}]},
        },
    }
    before = copy.deepcopy(spec)
    pod_manifest(a_task_with(spec), spec, 1)
    assert spec == before


# The template


def test_labels_and_annotations_of_the_template_are_kept() -> None:
    metadata = pod(metadata={"labels": {"team": "vision"}, "annotations": {"why": "demo"}})[
        "metadata"
    ]
    assert metadata["labels"]["team"] == "vision"
    assert metadata["annotations"] == {"why": "demo"}


def test_labels_that_say_whose_the_pod_is_cannot_be_overridden() -> None:
    forged = {"mltask.dev/task": "x", "mltask.dev/task-uid": "x", "mltask.dev/attempt": "9"}
    assert pod(metadata={"labels": forged})["metadata"]["labels"] == pod()["metadata"]["labels"]


def test_labels_handed_on_from_the_task_go_over_those_of_the_template() -> None:
    body = task_body()
    queue = "kueue.x-k8s.io/queue-name"
    body["metadata"]["labels"] = {queue: "of the task"}
    body["spec"] = {**SPEC, "template": {"metadata": {"labels": {queue: "of the template"}}}}
    assert (
        pod_manifest(task_from(body), body["spec"], 1)["metadata"]["labels"][queue] == "of the task"
    )


def test_what_only_the_template_says_reaches_the_pod() -> None:
    spec = pod({"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "main", "stdin": True}]})
    assert spec["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert main_of(spec)["stdin"] is True


def test_restart_policy_is_never_whatever_the_template_says() -> None:
    assert pod({"restartPolicy": "Always"})["spec"]["restartPolicy"] == "Never"


def test_main_is_put_first_where_the_template_has_none() -> None:
    manifest = pod({"containers": [{"name": "proxy"}, {"name": "logs"}]})
    assert [c["name"] for c in containers(manifest)] == ["main", "proxy", "logs"]


def test_main_and_the_others_keep_their_order() -> None:
    manifest = pod({"containers": [{"name": "proxy"}, {"name": "main"}, {"name": "logs"}]})
    assert [c["name"] for c in containers(manifest)] == ["proxy", "main", "logs"]


def test_other_containers_keep_all_they_say() -> None:
    proxy = {"name": "proxy", "image": "envoy:1", "env": [{"name": "A", "value": "1"}]}
    [_, other] = containers(pod({"containers": [proxy]}, env=[{"name": "A", "value": "2"}]))
    assert {key: other[key] for key in proxy} == proxy


# The short fields, laid over the template's container main


def test_short_fields_replace_those_of_main() -> None:
    short: Json = {
        "image": "trainer:2",
        "command": ["b"],
        "args": ["b"],
        "workingDir": "/b",
        "envFrom": [{"secretRef": {"name": "b"}}],
    }
    below = {
        "name": "main",
        "image": "trainer:1",
        "command": ["a", "a"],
        "args": ["a", "a"],
        "workingDir": "/a",
        "envFrom": [{"configMapRef": {"name": "a"}}],
    }
    main = main_of(pod({"containers": [below]}, **short))
    assert {field: main[field] for field in short} == short


def test_absent_short_fields_leave_those_of_main() -> None:
    below = {"name": "main", "command": ["a"], "args": ["a"], "env": [{"name": "A"}]}
    main = main_of(pod({"containers": [below]}))
    assert {field: main[field] for field in below} == below


def test_env_is_merged_by_name() -> None:
    below = {"name": "main", "env": [{"name": "A", "value": "0"}, {"name": "B", "value": "0"}]}
    short = [{"name": "B", "value": "1"}, {"name": "C", "value": "$(A)"}]
    # The template's come first, so that $(A) in a task's own variable can refer to them.
    assert main_of(pod({"containers": [below]}, env=short))["env"] == [
        {"name": "A", "value": "0"},
        *short,
    ]


def test_resources_replace_those_of_main_as_a_whole() -> None:
    below = {"name": "main", "resources": {"limits": {"cpu": "9"}, "requests": {"memory": "9Gi"}}}
    assert main_of(pod({"containers": [below]}))["resources"] == SPEC["resources"]


# Limits


def limits(requests: Json, given_limits: Json | None = None) -> Json:
    resources = {"requests": requests, **({"limits": given_limits} if given_limits else {})}
    manifest = pod(resources=resources)
    assert main_of(manifest)["resources"]["requests"] == {r: str(q) for r, q in requests.items()}
    found: Json = main_of(manifest)["resources"].get("limits", {})
    return found


def test_extended_resources_and_huge_pages_are_copied_to_limits() -> None:
    bound = {"nvidia.com/gpu": "2", "example.org/fpga": 1, "hugepages-2Mi": "64Mi"}
    assert limits({"cpu": "1", **bound}) == bound


def test_resources_that_may_burst_are_not_copied_to_limits() -> None:
    own = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
    assert limits({**own, "kubernetes.io/x": "1", "node.kubernetes.io/x": "1"}) == {}


def test_given_limits_are_kept() -> None:
    # Where they differ from the request, the refusal is the API server's to give.
    requests = {"cpu": "1", "nvidia.com/gpu": "1"}
    assert limits(requests, {"cpu": "2", "nvidia.com/gpu": "2"}) == {
        "cpu": "2",
        "nvidia.com/gpu": "2",
    }


# The evidence


def test_every_container_leaves_the_end_of_its_log() -> None:
    manifest = pod({"containers": [{"name": "proxy"}], "initContainers": [{"name": "fetch"}]})
    everything = [*containers(manifest), *manifest["spec"]["initContainers"]]
    assert [c["terminationMessagePolicy"] for c in everything] == ["FallbackToLogsOnError"] * 3


def test_termination_message_policy_of_the_template_is_kept() -> None:
    kept = {"terminationMessagePolicy": "File"}
    manifest = pod(
        {"containers": [{"name": "main", **kept}], "initContainers": [{"name": "fetch", **kept}]}
    )
    assert main_of(manifest)["terminationMessagePolicy"] == "File"
    assert manifest["spec"]["initContainers"][0]["terminationMessagePolicy"] == "File"
