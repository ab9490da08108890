"""What each value does to the objects, and what is said of those that are wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.fixture
def everything(helm: Helm, tmp_path: Path) -> Objects:
    """The objects with no value as it is by default."""
    return EVERYTHING.objects(helm, tmp_path)


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


# What is wrong


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("replicas=2", "additional properties 'replicas' not allowed"),
        ("replicaCount=-1", "'/replicaCount': minimum: got -1, want 0"),
        ("replicaCount=two", "'/replicaCount': got string, want integer"),
        ("image.tagg=v2", "'/image': additional properties 'tagg' not allowed"),
        ("image.tag=a b", "'/image/tag': 'a b' does not match pattern"),
        ("image.digest=abc", "'/image/digest': 'abc' does not match pattern '^(sha256:"),
        ("image.pullPolicy=Sometimes", "must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("imagePullSecrets={registry}", "'/imagePullSecrets/0': got string, want object"),
        ("logLevel=loud", "'/logLevel': value must be one of 'debug', 'info', 'warning', 'error'"),
        ("namespaces={Team_A}", "'/namespaces/0': 'Team_A' does not match pattern"),
        ("namespaces={a,a}", "'/namespaces': items at 0 and 1 are equal"),
        ("namespaces=team-a", "'/namespaces': got string, want array"),
        ("crds.install=maybe", "'/crds/install': got string, want boolean"),
        ("resources.request.cpu=1", "'/resources': additional properties 'request' not allowed"),
        ("metrics.port=80", "'/metrics/port': minimum: got 80, want 1,024"),
        ("metrics.port=8080", "metrics.port: 8080 is the probes' port, choose another"),
        ("metrics.dashboards.enabled=true", "additional properties 'dashboards' not allowed"),
        ("revisionHistoryLimit=-1", "'/revisionHistoryLimit': minimum: got -1, want 0"),
        ("serviceAccount.create=false", "serviceAccount.name must say which ServiceAccount"),
        ("serviceAccount.name=My_Account", "'/serviceAccount/name': 'My_Account' does not match"),
        ("commonLabels.team=a b", "'/commonLabels/team': 'a b' does not match pattern"),
        ("podLabels.cost-center=42", "'/podLabels/cost-center': got number, want string"),
        ("deploymentAnnotations.a=1", "'/deploymentAnnotations/a': got number, want string"),
        ("extraEnv[0].value=x", "'/extraEnv/0': missing property 'name'"),
        ("tolerations[0].effect=Never", "'/tolerations/0/effect': value must be one of"),
        ("affinity.node.a=b", "'/affinity': additional properties 'node' not allowed"),
        (
            "networkPolicy.enabled=true,networkPolicy.egress=null",
            "networkPolicy.egress: at least one rule is needed",
        ),
        ("networkPolicy.metricsFrom[0].pods=x", "additional properties 'pods' not allowed"),
        ("networkPolicy.egress[0].port=443", "additional properties 'port' not allowed"),
        ("fullnameOverride=My_Op", "'/fullnameOverride': 'My_Op' does not match pattern"),
        ("fullnameOverride=2nd", "a Service's name begins with a letter"),
    ],
)
def test_a_wrong_value_is_refused_in_plain_words(helm: Helm, value: str, said: str) -> None:
    ended = helm("template", "mltask", str(CHART), "--set", value)
    assert ended.returncode != 0
    assert said in ended.stderr


@pytest.mark.parametrize("release", ["1st", "a.b"])
def test_a_release_whose_name_is_no_services_is_told_the_way_out(helm: Helm, release: str) -> None:
    ended = helm("template", release, str(CHART))
    assert ended.returncode != 0
    assert "Choose another with fullnameOverride" in ended.stderr
    assert helm("template", release, str(CHART), "--set", "fullnameOverride=x").returncode == 0


EMPTY = [
    key
    for key, value in yaml.safe_load((CHART / "values.yaml").read_text()).items()
    if isinstance(value, (dict, list)) and not value
]


@pytest.mark.parametrize("key", EMPTY)
def test_null_is_as_good_as_empty(helm: Helm, render: Render, key: str) -> None:
    """By null a chart that has this one as a dependency takes a value away."""
    assert render(WITHOUT_CRD, f"{key}=null") == render(WITHOUT_CRD)


def test_schema_and_values_have_the_same_names() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    given_by_helm = schema["properties"].pop("global")
    assert given_by_helm["type"] == "object"
    assert [*_differences(schema, schema["definitions"], values, "values")] == []


def _differences(
    schema: dict[str, Any], definitions: dict[str, Any], value: Any, name: str
) -> Iterator[str]:
    """Yield the name of each mapping that is open, or has other keys than its schema."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if not isinstance(value, dict) or "properties" not in schema:
        return
    if schema["additionalProperties"] is not False or (
        value and {*schema["properties"]} != {*value}
    ):
        yield name
    for key, inner in value.items():
        yield from _differences(schema["properties"][key], definitions, inner, f"{name}.{key}")
