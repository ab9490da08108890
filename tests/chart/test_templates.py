"""What the chart renders, looked at without a cluster."""

import re

import yaml

import mltask_operator
from mltask_operator.kube.preflight import EVENT_PERMISSIONS, LEASE_PERMISSIONS, PERMISSIONS
from tests.chart.chart import CHART, ROOT, Render
from tests.chart.rendered import (
    MODES,
    TWO_NAMESPACES,
    WITHOUT_CRD,
    granted,
    kinds,
    of_kind,
    operator_container,
    operator_rules,
    released,
    used,
)


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
    expected = used(PERMISSIONS) | used(EVENT_PERMISSIONS)
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
