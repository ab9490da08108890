"""What the chart renders, looked at without a cluster."""

import re
from typing import Any

import pytest
import yaml

import mltask_operator
from mltask_operator.kube.preflight import LEASE_PERMISSIONS, PERMISSIONS, Permissions
from tests.chart.chart import CHART, ROOT, Helm, Objects, Render

WITHOUT_CRD = "crds.install=false"
TWO_NAMESPACES = "namespaces={team-a,team-b}"
MODES = pytest.mark.parametrize("mode", ["namespaces=null", TWO_NAMESPACES])


def kinds(objects: Objects) -> set[str]:
    return {found["kind"] for found in objects}


def of_kind(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = (found for found in objects if found["kind"] == kind)
    return found


def operator_container(objects: Objects) -> dict[str, Any]:
    pod = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    containers: Objects = pod["containers"]
    assert len(containers) == 1
    return containers[0]


def released(objects: Objects) -> Objects:
    """Return the objects without those of hooks, which are no part of the release."""
    return [found for found in objects if not is_hook(found)]


def is_hook(found: dict[str, Any]) -> bool:
    return "helm.sh/hook" in found["metadata"].get("annotations", {})


def operator_rules(objects: Objects) -> list[list[dict[str, Any]]]:
    """The rules of each role that a binding gives to the operator."""
    bound = {found["roleRef"]["name"] for found in objects if found["kind"].endswith("RoleBinding")}
    roles = (found for found in objects if found["kind"] in ("Role", "ClusterRole"))
    return [role["rules"] for role in roles if role["metadata"]["name"] in bound]


def granted(rules: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of all that these rules allow."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(permissions: Permissions) -> set[tuple[str, str, str]]:
    """The same of what the operator asks whether it may."""
    return {
        (group, f"{resource}/{subresource}" if subresource else resource, verb)
        for group, resource, subresource, verbs in permissions
        for verb in verbs
    }


@MODES
def test_helm_lint_finds_nothing(helm: Helm, mode: str) -> None:
    ended = helm("lint", "--strict", str(CHART), "--set", mode)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_chart_image_and_operator_are_of_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    label = re.search(r'image\.version="(.+?)"', (ROOT / "Dockerfile").read_text())
    assert label is not None
    assert {chart["version"], chart["appVersion"], label[1]} == {mltask_operator.__version__}


def test_the_definition_is_the_generated_one_and_outlives_the_release(render: Render) -> None:
    rendered = of_kind(render(), "CustomResourceDefinition")
    generated = yaml.load((ROOT / "crds" / "mltasks.yaml").read_text(), yaml.CSafeLoader)
    assert rendered["spec"] == generated["spec"]
    assert rendered["metadata"]["name"] == generated["metadata"]["name"]
    assert rendered["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_definition_goes_with_the_release_where_asked(render: Render) -> None:
    rendered = of_kind(render("crds.keep=false"), "CustomResourceDefinition")
    assert "helm.sh/resource-policy" not in rendered["metadata"].get("annotations", {})


def test_the_definition_can_be_left_to_others(render: Render) -> None:
    assert "CustomResourceDefinition" not in kinds(render(WITHOUT_CRD))


@MODES
def test_the_operator_may_do_what_it_asks_for_at_its_start_and_no_more(
    render: Render, mode: str
) -> None:
    expected = used(PERMISSIONS)
    if "null" in mode:
        expected.add(("scheduling.k8s.io", "priorityclasses", "list"))
    every_role = [granted(rules) for rules in operator_rules(released(render(WITHOUT_CRD, mode)))]
    assert every_role.count(used(LEASE_PERMISSIONS)) == 1
    assert [role for role in every_role if role not in (expected, used(LEASE_PERMISSIONS))] == []
    assert expected in every_role


def test_only_its_own_lease_can_be_taken(render: Render) -> None:
    objects = released(render(WITHOUT_CRD))
    [lease] = [a for a in operator_container(objects)["args"] if a.startswith("--lease=")]
    [role] = [found for found in objects if found["kind"] == "Role"]
    name = role["metadata"]["name"].removesuffix("-leader-election")
    assert lease == f"--lease={role['metadata']['namespace']}/{name}"
    assert [rule.get("resourceNames") for rule in role["rules"]] == [None, [name]]


@MODES
def test_no_role_has_a_wildcard_or_sees_secrets(render: Render, mode: str) -> None:
    for found in render(WITHOUT_CRD, mode):
        for rule in found.get("rules", []):
            words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert not words & {"*", "secrets"}, (found["metadata"]["name"], rule)


def test_namespaced_mode_grants_nothing_in_the_cluster(render: Render) -> None:
    objects = render(WITHOUT_CRD, TWO_NAMESPACES)
    assert not {kind for kind in kinds(objects) if kind.startswith("Cluster")}
    for kind in ("Role", "RoleBinding"):
        places = {
            (found["metadata"]["name"], found["metadata"]["namespace"])
            for found in released(objects)
            if found["kind"] == kind
        }
        name = "mltask-mltask-operator"
        assert places == {
            (f"{name}-leader-election", "mltask-system"),
            (name, "team-a"),
            (name, "team-b"),
        }


def test_namespaced_mode_tells_the_operator_its_namespaces(render: Render) -> None:
    container = operator_container(render(WITHOUT_CRD, TWO_NAMESPACES))
    assert container["args"][-2:] == ["--namespace=team-a", "--namespace=team-b"]


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ([], f"mltask-operator:{mltask_operator.__version__}"),
        (["image.repository=r.example/x", "image.tag=v2"], "r.example/x:v2"),
        (["image.tag=v2", f"image.digest=sha256:{'a' * 64}"], f"mltask-operator@sha256:{'a' * 64}"),
    ],
)
def test_the_image_is_named_by_digest_or_tag_or_version(
    render: Render, values: list[str], image: str
) -> None:
    assert operator_container(render(WITHOUT_CRD, *values))["image"] == image


def test_a_pod_label_cannot_break_the_selector(render: Render) -> None:
    deployment = of_kind(
        render(WITHOUT_CRD, r"podLabels.app\.kubernetes\.io/name=other", "podLabels.team=ml"),
        "Deployment",
    )
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["team"] == "ml"


@MODES
def test_the_uninstall_hook_may_let_go_of_pods_and_no_more(render: Render, mode: str) -> None:
    hooks = [found for found in render(WITHOUT_CRD, mode) if is_hook(found)]
    [job] = [found for found in hooks if found["kind"] == "Job"]
    [container] = job["spec"]["template"]["spec"]["containers"]
    operator = operator_container(render(WITHOUT_CRD, mode))
    for field in ("image", "securityContext", "resources"):
        assert container[field] == operator[field]
    own = [a for a in operator["args"] if a.startswith(("--lease=", "--namespace="))]
    assert container["args"] == ["let-go", *own]
    rights = [granted(rules) for rules in operator_rules(hooks)]
    let_go = {("", "pods", "list"), ("", "pods", "patch")}
    assert [r for r in rights if r not in (let_go, used(LEASE_PERMISSIONS))] == []
    assert let_go in rights


def test_two_replicas_spread_over_nodes_and_are_not_evicted_together(render: Render) -> None:
    objects = render(WITHOUT_CRD)
    spec = of_kind(objects, "Deployment")["spec"]
    budget = of_kind(objects, "PodDisruptionBudget")["spec"]
    [spread] = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spec["replicas"] == 2
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == spread["labelSelector"] == spec["selector"]


def test_a_single_replica_keeps_no_node_from_being_drained(render: Render) -> None:
    assert "PodDisruptionBudget" not in kinds(render(WITHOUT_CRD, "replicaCount=1"))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("replicas=2", "replicas"),
        ("replicaCount=-1", "replicaCount"),
        ("image.tagg=v2", "tagg"),
        ("image.digest=abc", "/image/digest"),
        ("logLevel=loud", "/logLevel"),
        ("namespaces={Team_A}", "/namespaces/0"),
        ("resources.request.cpu=1", "request"),
        ("metrics.port=8080", "/metrics/port"),
        ("metrics.dashboards.enabled=true", "dashboards"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(helm: Helm, value: str, named: str) -> None:
    ended = helm("template", "mltask", str(CHART), "--set", value)
    assert ended.returncode != 0
    assert named in ended.stderr


def test_the_readme_names_every_value() -> None:
    readme = (CHART / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, value in values.items():
        for key in paths(name, value):
            assert f"`{key}`" in readme


def paths(name: str, value: Any) -> list[str]:
    """Return the names of the values in the value of this name, as `--set` takes them."""
    if name.partition(".")[0] not in ("image", "crds", "metrics") or name.endswith(".labels"):
        return [name]
    if not isinstance(value, dict):
        return [name]
    return [path for key, inner in value.items() for path in paths(f"{name}.{key}", inner)]
