"""Turns a pydantic model's JSON schema into a CRD's structural OpenAPI v3 schema.

A CRD knows less than JSON Schema: no `$ref`, no `null` type, no `const`, and either
`additionalProperties` or `properties`. The rules are those of
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from typing import Any, TypeAlias

from pydantic import BaseModel

Schema: TypeAlias = dict[str, Any]
"""A JSON schema, or a part of one."""

QUANTITY: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
    # The grammar of https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    "pattern": r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)"
    r"([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
    "maxLength": 64,
}
INT_OR_STRING: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}

# The kubernetes package's models say `string` where the API means a quantity.
QUANTITY_FIELDS = {
    ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"),
}
QUANTITY_MAPS = {
    ("V1PodSpec", "overhead"),
    ("V1ResourceRequirements", "limits"),
    ("V1ResourceRequirements", "requests"),
    ("V1VolumeResourceRequirements", "limits"),
    ("V1VolumeResourceRequirements", "requests"),
}
TEMPLATE_METADATA = ("annotations", "labels")
"""What the metadata of an object yet to be made may say; the rest is the API server's to set."""
DESCRIBED_DEPTH = 2
"""Descriptions are kept this far below spec and status. Client-side apply stores the whole CRD in
an annotation of at most 262,144 bytes, and the Pod's own descriptions stand in `kubectl explain
pod` anyway."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of `model`, by its aliases, as an API server accepts it."""
    schema = model.model_json_schema(by_alias=True)
    return _Converter(schema.get("$defs", {})).convert(schema, "", 0)


class _Converter:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def convert(self, schema: Schema, owner: str, depth: int) -> Schema:
        """Convert one schema; `owner` names the definition that it stands in."""
        schema = _without_null(schema)
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            merged = {**self._definitions[name], **{k: v for k, v in schema.items() if k != "$ref"}}
            return self.convert(merged, name, depth)
        if owner == "V1ObjectMeta" and "properties" in schema:
            kept = {k: v for k, v in schema["properties"].items() if k in TEMPLATE_METADATA}
            schema = {**schema, "properties": kept}
        out = {k: v for k, v in schema.items() if k in _KEPT or k.startswith("x-kubernetes-")}
        if depth > DESCRIBED_DEPTH:
            out.pop("description", None)
        if "const" in schema:
            out["enum"] = [schema["const"]]
        if "anyOf" in schema:
            return {**{k: v for k, v in out.items() if k == "description"}, **INT_OR_STRING}
        if "items" in schema:
            out["items"] = self.convert(schema["items"], owner, depth + 1)
        if "properties" in schema:
            out["properties"] = {
                name: self._property(name, value, owner, depth + 1)
                for name, value in schema["properties"].items()
            }
        elif isinstance(schema.get("additionalProperties"), dict):
            out["additionalProperties"] = self.convert(
                schema["additionalProperties"], owner, depth + 1
            )
        elif schema.get("additionalProperties") is True:
            out["x-kubernetes-preserve-unknown-fields"] = True
        return out

    def _property(self, name: str, schema: Schema, owner: str, depth: int) -> Schema:
        if (owner, name) in QUANTITY_FIELDS:
            return QUANTITY
        converted = self.convert(schema, owner, depth)
        if (owner, name) in QUANTITY_MAPS:
            converted["additionalProperties"] = QUANTITY
        return converted


_KEPT = {
    "default", "description", "enum", "format", "items", "maxItems", "maxLength", "maxProperties",
    "maximum", "minItems", "minLength", "minProperties", "minimum", "pattern", "required", "type",
}  # fmt: skip


def _without_null(schema: Schema) -> Schema:
    """Turn `X or null` into X: in a CRD an absent field needs no null, and `null` is pruned."""
    out = {k: v for k, v in schema.items() if not (k == "default" and v in (None, [], {}, 0))}
    options = [option for option in out.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        del out["anyOf"]
        return {**options[0], **out}
    return out
