"""What Helm does besides installing: `helm test`, and the hook of `helm uninstall`."""

from pathlib import Path

import pytest

from mltask_operator.kube.preflight import LEASE_PERMISSIONS
from tests.chart.chart import Helm, Objects, Render
from tests.chart.matrix import EVERYTHING, Case
from tests.chart.rendered import (
    MODES,
    WITHOUT_CRD,
    granted,
    is_hook,
    of_kind,
    operator_container,
    operator_rules,
    pod_specs,
    used,
)


def hooks(objects: Objects, event: str) -> Objects:
    """Return the objects that Helm makes for an event."""
    return [
        found
        for found in objects
        if is_hook(found) and found["metadata"]["annotations"]["helm.sh/hook"] == event
    ]


@MODES
def test_the_uninstall_hook_may_let_go_of_pods_and_no_more(render: Render, mode: str) -> None:
    uninstall = hooks(render(WITHOUT_CRD, mode), "post-delete")
    [container] = of_kind(uninstall, "Job")["spec"]["template"]["spec"]["containers"]
    operator = operator_container(render(WITHOUT_CRD, mode))
    for field in ("image", "securityContext", "resources"):
        assert container[field] == operator[field]
    own = [a for a in operator["args"] if a.startswith(("--lease=", "--namespace="))]
    assert container["args"] == ["let-go", *own]
    rights = [granted(rules) for rules in operator_rules(uninstall)]
    let_go = {("", "pods", "list"), ("", "pods", "patch")}
    assert [r for r in rights if r not in (let_go, used(LEASE_PERMISSIONS))] == []
    assert let_go in rights


@MODES
def test_the_test_may_read_its_own_task_and_no_more(render: Render, mode: str) -> None:
    test = hooks(render(WITHOUT_CRD, mode), "test")
    task, role = of_kind(test, "MLTask"), of_kind(test, "Role")
    assert "ClusterRole" not in {found["kind"] for found in test}
    [rule] = role["rules"]
    assert rule["resourceNames"] == [task["metadata"]["name"]]
    assert granted([rule]) == {("mltask.dev", "mltasks", verb) for verb in ("get", "list", "watch")}
    assert role["metadata"]["namespace"] == task["metadata"]["namespace"]
    [subject] = of_kind(test, "RoleBinding")["subjects"]
    pod = of_kind(test, "Pod")
    assert subject["name"] == pod["spec"]["serviceAccountName"] == pod["metadata"]["name"]


def test_the_test_needs_no_image_but_the_operators(render: Render) -> None:
    objects = render(WITHOUT_CRD, "image.repository=r.example/x", "image.pullPolicy=Never")
    operator = operator_container(objects)
    [waiting] = of_kind(objects, "Pod")["spec"]["containers"]
    task = of_kind(objects, "MLTask")["spec"]
    [main] = task["template"]["spec"]["containers"]
    assert waiting["image"] == task["image"] == operator["image"] == "r.example/x:0.1.0"
    assert waiting["imagePullPolicy"] == main["imagePullPolicy"] == "Never"


@pytest.mark.parametrize(
    ("served", "place"),
    [
        ("namespaces=null", "mltask-system"),
        ("namespaces={team-a,team-b}", "team-a"),
        ("namespaces={team-a,mltask-system}", "mltask-system"),
    ],
)
def test_the_tests_task_is_where_the_operator_serves(
    render: Render, served: str, place: str
) -> None:
    test = hooks(render(WITHOUT_CRD, served), "test")
    task, pod = of_kind(test, "MLTask"), of_kind(test, "Pod")
    assert task["metadata"]["namespace"] == place
    assert pod["spec"]["containers"][0]["args"][-2:] == [place, task["metadata"]["name"]]
    assert pod["metadata"]["namespace"] == "mltask-system"


def test_the_test_waits_longer_than_its_task_and_shorter_than_helm(render: Render) -> None:
    objects = render(WITHOUT_CRD)
    script = of_kind(objects, "Pod")["spec"]["containers"][0]["args"][0]
    names: dict[str, int] = {"__name__": 0}
    exec(script, names)  # noqa: S102 (it is our own)
    pending = of_kind(objects, "MLTask")["spec"]["pendingDeadlineSeconds"]
    assert pending < names["SECONDS"] < 300


@pytest.mark.parametrize("release", ["mltask-operator", "r" * 53])
def test_no_hooks_pod_is_taken_for_the_operators(helm: Helm, tmp_path: Path, release: str) -> None:
    misleading = {"podLabels": {"app.kubernetes.io/name": "mltask-operator"}}
    values = {**EVERYTHING.values, **misleading}
    objects = Case("misleading", values, release).objects(helm, tmp_path)
    selector = of_kind(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    selected = [
        pod for pod in pod_specs(objects) if selector.items() <= pod["metadata"]["labels"].items()
    ]
    assert selected == [of_kind(objects, "Deployment")["spec"]["template"]]


def test_the_hooks_pods_are_let_out_by_policies_of_their_own(everything: Objects) -> None:
    pods = {
        "test": of_kind(everything, "Pod"),
        "post-delete": of_kind(everything, "Job")["spec"]["template"],
    }
    for event, pod in pods.items():
        policy = of_kind(hooks(everything, event), "NetworkPolicy")
        selected = policy["spec"]["podSelector"]["matchLabels"]
        assert selected.items() <= pod["metadata"]["labels"].items()
        assert policy["spec"]["egress"] == EVERYTHING.values["networkPolicy"]["egress"]
        assert "ingress" not in policy["spec"]
