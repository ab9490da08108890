"""A wrong value is refused before anything is changed, in words that say which it is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.chart import CHART, Helm


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
