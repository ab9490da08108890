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
    # with exponents of two digits at most: longer ones mean other amounts to Kubernetes itself.
    "pattern": r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)"
    r"([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$",
    "maxLength": 64,
}
INT_OR_STRING: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "x-kubernetes-int-or-string": True,
}

# The kubernetes package's models say `string` where the API means a quantity.
QUANTITY_FIELDS = {
    ("OnOutOfMemory", "maxMemory"),
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
DESCRIBED = (
    "V1Container",
    "V1EnvFromSource",
    "V1EnvVar",
    "V1PodSpec",
    "V1ResourceRequirements",
)
"""Those of Kubernetes' own models whose fields keep their descriptions. Client-side apply stores
the whole CRD in an annotation of at most 262,144 bytes, and what is deeper stands in
`kubectl explain pod.spec` anyway."""


def structural_schema(model: type[BaseModel]) -> Schema:
    """Return the structural schema of `model`, by its aliases, as an API server accepts it."""
    schema = model.model_json_schema(by_alias=True)
    return _Converter(schema.get("$defs", {})).convert(schema, "")


class _Converter:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def convert(self, schema: Schema, owner: str) -> Schema:
        """Convert one schema; `owner` names the definition that it stands in."""
        schema = _without_null(schema)
        if "$ref" in schema:
            return self._referred(schema)
        if owner == "V1ObjectMeta" and "properties" in schema:
            kept = {k: v for k, v in schema["properties"].items() if k in TEMPLATE_METADATA}
            schema = {**schema, "properties": kept}
        out = _own_words(schema)
        if "anyOf" in schema:
            return {**{k: v for k, v in out.items() if k == "description"}, **INT_OR_STRING}
        if "items" in schema:
            out["items"] = self.convert(schema["items"], owner)
        if "properties" in schema:
            out["properties"] = {
                name: self._property(name, value, owner)
                for name, value in schema["properties"].items()
            }
        elif isinstance(schema.get("additionalProperties"), dict):
            out["additionalProperties"] = self.convert(schema["additionalProperties"], owner)
        elif schema.get("additionalProperties") is True:
            out["x-kubernetes-preserve-unknown-fields"] = True
        return out

    def _referred(self, schema: Schema) -> Schema:
        name = schema["$ref"].rpartition("/")[2]
        definition = dict(self._definitions[name])
        if _is_kubernetes_own(name):
            # The docstring of a generated class speaks of the generator.
            del definition["description"]
        merged = {**definition, **{k: v for k, v in schema.items() if k != "$ref"}}
        return self.convert(merged, name)

    def _property(self, name: str, schema: Schema, owner: str) -> Schema:
        if (owner, name) in QUANTITY_FIELDS:
            described = {k: v for k, v in schema.items() if k == "description"}
            return {**(described if not _is_kubernetes_own(owner) else {}), **QUANTITY}
        converted = self.convert(schema, owner)
        if (owner, name) in QUANTITY_MAPS:
            converted["additionalProperties"] = QUANTITY
        if _is_kubernetes_own(owner) and owner not in DESCRIBED:
            converted.pop("description", None)
        return converted


_KEPT = {
    "default", "description", "enum", "format", "items", "maxItems", "maxLength", "maxProperties",
    "maximum", "minItems", "minLength", "minProperties", "minimum", "pattern", "required", "type",
}  # fmt: skip


def _own_words(schema: Schema) -> Schema:
    """Return what the schema says of the value itself, in the words of a CRD."""
    out = {k: v for k, v in schema.items() if k in _KEPT or k.startswith("x-kubernetes-")}
    if "const" in schema:
        out["enum"] = [schema["const"]]
    return out


def _is_kubernetes_own(definition: str) -> bool:
    return definition.startswith(("V1", "CoreV1"))


def _without_null(schema: Schema) -> Schema:
    """Turn `X or null` into X: in a CRD an absent field needs no null, and `null` is pruned."""
    out = {k: v for k, v in schema.items() if not (k == "default" and v in (None, [], {}, 0))}
    options = [option for option in out.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        del out["anyOf"]
        return {**options[0], **out}
    return out
