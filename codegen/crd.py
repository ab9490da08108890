"""The CustomResourceDefinition of MLTask, made from the pydantic models."""

from typing import Any

import yaml

from codegen.structural import Schema, structural_schema
from mltask_operator.api import names
from mltask_operator.api.v1alpha1 import MLTask

HEADER = "# Generated from operator/mltask_operator/api by `make generate`. Do not edit.\n"

# CEL: what the API server checks at `kubectl apply`, so that nothing needs a webhook.
ROOT_RULES = [
    {
        "rule": f"self.metadata.name.size() <= {names.MAX_TASK_NAME_LENGTH}",
        "message": f"the name must have at most {names.MAX_TASK_NAME_LENGTH} characters, since it "
        "is a label value on the task's Pod",
    }
]
SPEC_RULES = [
    {
        "rule": "self == oldSelf",
        "message": "spec is immutable: delete the MLTask and create it anew",
    }
]
RESOURCES_RULES = [
    {
        "rule": "has(self.requests) && ('cpu' in self.requests || 'memory' in self.requests)",
        "message": "requests must have at least cpu or memory: they are the task's allocation",
    },
    {
        "rule": "!has(self.requests) || !has(self.limits) || self.requests.all(r, "
        "!(r in self.limits) || "
        "quantity(string(self.requests[r])).compareTo(quantity(string(self.limits[r]))) <= 0)",
        "message": "a request must not be larger than the limit of the same resource",
    },
]
POD_SPEC_RULES = [
    {
        "rule": "!has(self.restartPolicy) || self.restartPolicy == 'Never'",
        "message": "restartPolicy must be Never or absent: a retry is a further attempt, never a "
        "restart in place",
        "fieldPath": ".restartPolicy",
    }
]
MAX_CONTAINERS = 64
MAX_RESOURCES = 32


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as the object that an API server takes."""
    schema = structural_schema(MLTask)
    properties = schema["properties"]
    for typed in ("apiVersion", "kind", "metadata"):
        properties[typed] = {"type": "string" if typed != "metadata" else "object"}
    schema["required"] = ["spec"]
    schema["x-kubernetes-validations"] = ROOT_RULES
    _refine_spec(properties["spec"])
    properties["status"]["default"] = {"phase": "Pending"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names.PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": "mltask",
                "shortNames": ["mlt"],
                "categories": ["ml"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "selectableFields": [{"jsonPath": ".status.phase"}],
                    "additionalPrinterColumns": PRINTER_COLUMNS,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


PRINTER_COLUMNS = [
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "Reason", "type": "string", "jsonPath": ".status.reason"},
    {"name": "Attempts", "type": "integer", "jsonPath": ".status.attempts"},
    {"name": "Exit", "type": "integer", "jsonPath": ".status.exitCode"},
    {"name": "Duration", "type": "string", "jsonPath": ".status.duration"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Pod", "type": "string", "jsonPath": ".status.podName", "priority": 1},
    {"name": "Node", "type": "string", "jsonPath": ".status.nodeName", "priority": 1},
]


def _refine_spec(spec: Schema) -> None:
    """Add what pydantic cannot say: CEL rules, the bounds that their cost estimate needs, keys."""
    spec["x-kubernetes-validations"] = SPEC_RULES
    resources = spec["properties"]["resources"]
    resources["x-kubernetes-validations"] = RESOURCES_RULES
    for part in ("requests", "limits"):
        resources["properties"][part]["maxProperties"] = MAX_RESOURCES
    resources["required"] = ["requests"]
    pod_spec = spec["properties"]["template"]["properties"]["spec"]
    pod_spec["x-kubernetes-validations"] = POD_SPEC_RULES
    # A template needs no containers of its own, and a Pod is never created with ephemeral ones.
    del pod_spec["required"], pod_spec["properties"]["ephemeralContainers"]
    for part in ("containers", "initContainers"):
        containers = pod_spec["properties"][part]
        containers["maxItems"] = MAX_CONTAINERS
        containers["x-kubernetes-list-type"] = "map"
        containers["x-kubernetes-list-map-keys"] = ["name"]


def render() -> str:
    """Return the CRD as YAML text."""
    return HEADER + yaml.dump(
        crd(), Dumper=_PlainDumper, sort_keys=False, width=100, allow_unicode=True
    )


class _PlainDumper(yaml.SafeDumper):
    """Writes a schema that stands in several places out each time, instead of as a YAML anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
