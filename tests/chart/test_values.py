"""What each value does to the objects."""

import json
from pathlib import Path

import pytest
import yaml

import mltask_operator
from tests.chart.chart import CHART, Helm, Objects, Render
from tests.chart.matrix import EVERYTHING, OBJECTS, PODS, POLICY, Case
from tests.chart.rendered import (
    WITHOUT_CRD,
    kinds,
    of_kind,
    operator_container,
    pod_specs,
    released,
)

PLACEMENT = ("nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets")


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


def test_every_object_has_the_common_labels_and_no_selector_has(everything: Objects) -> None:
    [(label, value)] = OBJECTS["commonLabels"].items()
    labels = [found["metadata"]["labels"] for found in everything]
    labels += [pod["metadata"]["labels"] for pod in pod_specs(everything)]
    assert [each for each in labels if each.get(label) != value] == []
    chosen = (found.get("spec", {}) for found in everything)
    selectors = [spec.get("selector") or spec.get("podSelector") for spec in chosen]
    assert label not in json.dumps(selectors)


def test_every_pod_has_the_pods_labels_and_annotations(everything: Objects) -> None:
    pods = pod_specs(everything)
    assert len(pods) == 4, "operator, uninstall hook, test, the test's task"
    for pod in pods:
        for key, values in (("labels", "podLabels"), ("annotations", "podAnnotations")):
            assert PODS[values].items() <= pod["metadata"][key].items()


@pytest.mark.parametrize("field", PLACEMENT)
def test_every_pod_is_placed_as_asked(everything: Objects, field: str) -> None:
    assert [pod["spec"][field] for pod in pod_specs(everything)] == [PODS[field]] * 4


def test_the_containers_get_environment_and_resources(everything: Objects) -> None:
    for pod in pod_specs(everything):
        [container] = pod["spec"]["containers"]
        if container["name"] != "main":
            assert container["env"] == PODS["extraEnv"]
            assert container["resources"] == PODS["resources"]
            assert container["imagePullPolicy"] == "Always"


def test_the_deployment_is_as_asked(everything: Objects) -> None:
    deployment = of_kind(everything, "Deployment")
    assert deployment["metadata"]["annotations"] == OBJECTS["deploymentAnnotations"]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["revisionHistoryLimit"] == OBJECTS["revisionHistoryLimit"]
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert spread == PODS["topologySpreadConstraints"]
    arguments = operator_container(everything)["args"]
    assert {"--log-format=plain", "--log-level=debug", "--metrics-port=9090"} <= {*arguments}


def test_a_label_of_the_user_cannot_break_the_selector(render: Render) -> None:
    name = r"app\.kubernetes\.io/name=other"
    values = (f"podLabels.{name}", f"commonLabels.{name}", "podLabels.team=ml")
    deployment = of_kind(render(WITHOUT_CRD, *values), "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["team"] == "ml"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([], "mltask-mltask-operator"),
        (["serviceAccount.name=mine"], "mine"),
        (["serviceAccount.name=mine", "serviceAccount.create=false"], "mine"),
    ],
)
def test_the_rights_go_to_the_account_that_the_operator_has(
    render: Render, values: list[str], name: str
) -> None:
    objects = released(render(WITHOUT_CRD, *values))
    pod = of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    bound = [found["subjects"] for found in objects if found["kind"].endswith("RoleBinding")]
    assert {pod["serviceAccountName"], *(each["name"] for [each] in bound)} == {name}
    if "serviceAccount.create=false" in values:
        assert "ServiceAccount" not in kinds(objects)
    else:
        assert of_kind(objects, "ServiceAccount")["metadata"]["name"] == name


def test_the_account_has_its_annotations(everything: Objects) -> None:
    account = of_kind(released(everything), "ServiceAccount")["metadata"]
    assert account["annotations"] == OBJECTS["serviceAccount"]["annotations"]


def test_by_default_there_is_no_network_policy(render: Render) -> None:
    assert "NetworkPolicy" not in kinds(render(WITHOUT_CRD))


def test_the_network_policy_opens_the_two_ports_and_the_way_out(everything: Objects) -> None:
    policy = of_kind(released(everything), "NetworkPolicy")["spec"]
    deployment = of_kind(everything, "Deployment")["spec"]
    assert policy["podSelector"] == deployment["selector"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [
        {"ports": [{"port": "health"}]},
        {"ports": [{"port": "metrics"}], "from": POLICY["metricsFrom"]},
    ]
    assert policy["egress"] == POLICY["egress"]
    named = {port["name"] for port in operator_container(everything)["ports"]}
    assert named == {"health", "metrics"}


def test_without_metrics_their_port_is_not_opened(render: Render) -> None:
    objects = render(WITHOUT_CRD, "networkPolicy.enabled=true", "metrics.enabled=false")
    policy = of_kind(released(objects), "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "health"}]}]


def test_a_long_name_stays_whole_in_what_is_named_after_it(helm: Helm, tmp_path: Path) -> None:
    """Two releases of long names that differ at their end do not take each other's objects."""
    names = []
    for release in (f"{'r' * 52}a", f"{'r' * 52}b"):
        values = {key: each for key, each in EVERYTHING.values.items() if "fullname" not in key}
        objects = Case("long", values, release).objects(helm, tmp_path)
        fixed = ("mltask-view", "mltask-edit", "mltasks.mltask.dev", "mltasks")
        names.append({each["metadata"]["name"] for each in objects} - {*fixed})
    assert len(names[0]) == len(names[1])
    assert not names[0] & names[1]


EMPTY = [
    key
    for key, value in yaml.safe_load((CHART / "values.yaml").read_text()).items()
    if isinstance(value, (dict, list)) and not value
]


def test_null_is_as_good_as_empty(render: Render) -> None:
    """By null a chart that has this one as a dependency takes a value away."""
    assert render(WITHOUT_CRD, *(f"{key}=null" for key in EMPTY)) == render(WITHOUT_CRD)
