"""The CustomResourceDefinition of MLTask, made from the pydantic models."""

from typing import Any

import yaml

from codegen import rules
from codegen.structural import Schema, structural_schema
from mltask_operator.api import names
from mltask_operator.api.v1alpha1 import MLTask

HEADER = "# Generated from operator/mltask_operator/api by `make generate`. Do not edit.\n"

MAX_CONTAINERS = 64
MAX_CONTAINER_NAME_LENGTH = 63
MAX_RESOURCES = 32


def crd() -> dict[str, Any]:
    """Return the CustomResourceDefinition as the object that an API server takes."""
    schema = structural_schema(MLTask)
    properties = schema["properties"]
    for typed in ("apiVersion", "kind", "metadata"):
        properties[typed] = {"type": "string" if typed != "metadata" else "object"}
    schema["required"] = ["spec"]
    schema["x-kubernetes-validations"] = rules.ROOT_RULES
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
    {"name": "Result", "type": "string", "jsonPath": ".status.result", "priority": 1},
]


def _refine_spec(spec: Schema) -> None:
    """Add what pydantic cannot say: CEL rules, the bounds that their cost estimate needs, keys."""
    fields = spec["properties"]
    spec["x-kubernetes-validations"] = [
        *rules.SPEC_RULES,
        *rules.immutability(fields, spec["required"]),
    ]
    _refine_steps(fields["steps"])
    _refine_failures(fields)
    resources = spec["properties"]["resources"]
    resources["x-kubernetes-validations"] = rules.RESOURCES_RULES
    for part in ("requests", "limits"):
        amounts = resources["properties"][part]
        amounts["maxProperties"] = MAX_RESOURCES
        amounts["additionalProperties"] = _amount(amounts["additionalProperties"])
    resources["required"] = ["requests"]
    pod_spec = spec["properties"]["template"]["properties"]["spec"]
    pod_spec["x-kubernetes-validations"] = rules.POD_SPEC_RULES
    # A template needs no containers of its own, and a Pod is never created with ephemeral ones.
    del pod_spec["required"], pod_spec["properties"]["ephemeralContainers"]
    for part in ("containers", "initContainers"):
        containers = pod_spec["properties"][part]
        containers["maxItems"] = MAX_CONTAINERS
        containers["x-kubernetes-list-type"] = "map"
        containers["x-kubernetes-list-map-keys"] = ["name"]
        containers["items"]["properties"]["name"]["maxLength"] = MAX_CONTAINER_NAME_LENGTH


def _refine_steps(steps: Schema) -> None:
    steps["x-kubernetes-list-type"] = "map"
    steps["x-kubernetes-list-map-keys"] = ["name"]


def _amount(quantity: Schema) -> Schema:
    return {**quantity, "x-kubernetes-validations": rules.AMOUNT_RULES}


def _refine_failures(fields: Schema) -> None:
    growth = fields["onOutOfMemory"]["properties"]
    growth["maxMemory"] = _amount(growth["maxMemory"])
    fields["backoff"]["x-kubernetes-validations"] = rules.BACKOFF_RULES
    fields["onOutOfMemory"]["x-kubernetes-validations"] = rules.GROWTH_RULES
    rule = fields["podFailurePolicy"]["properties"]["rules"]["items"]
    rule["x-kubernetes-validations"] = rules.FAILURE_RULE_RULES
    exit_codes = rule["properties"]["onExitCodes"]
    exit_codes["x-kubernetes-validations"] = rules.EXIT_CODES_RULES
    exit_codes["properties"]["values"]["x-kubernetes-list-type"] = "set"


def render() -> str:
    """Return the CRD as YAML text."""
    return HEADER + yaml.dump(
        crd(), Dumper=_PlainDumper, sort_keys=False, width=100, allow_unicode=True
    )


class _PlainDumper(yaml.SafeDumper):
    """Writes a schema that stands in several places out each time, instead of as a YAML anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
