"""What is looked for among the objects that the chart renders."""

from typing import Any

import pytest

from mltask_operator.kube.preflight import Permissions
from tests.chart.chart import Objects

WITHOUT_CRD = "crds.install=false"
TWO_NAMESPACES = "namespaces={team-a,team-b}"
MODES = pytest.mark.parametrize("mode", ["namespaces=null", TWO_NAMESPACES])


def kinds(objects: Objects) -> set[str]:
    return {found["kind"] for found in objects}


def of_kind(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = (found for found in objects if found["kind"] == kind)
    return found


def pod_specs(objects: Objects) -> Objects:
    """Return each Pod's template: metadata and spec, also of those that others make."""
    inner = (found["spec"].get("template") if "spec" in found else None for found in objects)
    templates = [template for template in inner if template]
    return [*templates, *(found for found in objects if found["kind"] == "Pod")]


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
