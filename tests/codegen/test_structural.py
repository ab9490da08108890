"""From pydantic's JSON schema to what a CRD may say, and nothing that a user may say is lost."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from kubernetes.client.models import V1PodSpec, V1ResourceRequirements
from pydantic import BaseModel, Field

from codegen.crd import crd
from codegen.structural import Schema, structural_schema
from mltask_operator.api.v1alpha1 import MLTask

SCHEMA: Schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
ALLOWED = {
    *("default", "description", "enum", "format", "items", "maxItems", "maxLength"),
    *("maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum"),
    *("pattern", "properties", "additionalProperties", "required", "type", "anyOf"),
    *("x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
}


def walk(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from walk(field, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from walk(schema[name], f"{path}[]")


EVERYWHERE = dict(walk(SCHEMA, ""))


def test_nothing_but_what_a_definition_may_say() -> None:
    extra = {path: keys for path, s in EVERYWHERE.items() if (keys := s.keys() - ALLOWED)}
    assert extra == {}


def test_every_node_has_one_type() -> None:
    untyped = [
        path
        for path, schema in EVERYWHERE.items()
        if not isinstance(schema.get("type"), str) and "x-kubernetes-int-or-string" not in schema
    ]
    assert untyped == []


def test_any_of_is_for_integers_or_strings_alone() -> None:
    for path, schema in EVERYWHERE.items():
        if "anyOf" in schema:
            assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
            assert schema["x-kubernetes-int-or-string"] is True, path


def test_an_object_has_properties_or_additional_ones() -> None:
    both = [p for p, s in EVERYWHERE.items() if {"properties", "additionalProperties"} <= s.keys()]
    assert both == []


def test_every_required_field_and_every_list_key_exists() -> None:
    for path, schema in EVERYWHERE.items():
        assert set(schema.get("required", ())) <= schema.get("properties", {}).keys(), path
        keys = set(schema.get("x-kubernetes-list-map-keys", ()))
        assert keys <= set(schema.get("items", {}).get("required", ())), path


def test_defaults_are_not_null() -> None:
    assert [path for path, s in EVERYWHERE.items() if s.get("default", 0) is None] == []


def test_every_field_of_ours_is_described() -> None:
    ours = re.compile(r"\.spec(\.\w+)?|\.status(\.\w+|\[\]\.\w+)*")
    undescribed = [
        path
        for path, schema in EVERYWHERE.items()
        if ours.fullmatch(path) and not schema.get("description")
    ]
    assert undescribed == []


def test_a_template_accepts_all_that_a_pod_of_a_job_does() -> None:
    expected = V1PodSpec.model_json_schema(by_alias=True)["properties"].keys()
    found = EVERYWHERE[".spec.template.spec"]["properties"].keys()
    assert expected - found == {"ephemeralContainers"}


def test_quantities_are_numbers_or_texts_of_their_grammar() -> None:
    for name in ("requests", "limits"):
        quantity = EVERYWHERE[f".spec.resources.{name}"]["additionalProperties"]
        assert quantity["x-kubernetes-int-or-string"] is True
        assert "pattern" in quantity


# The conversion, rule by rule


class Inner(BaseModel):
    """Inner."""

    name: str


class Outer(BaseModel):
    """Outer."""

    optional: str | None = None
    constant: Literal["a"] = "a"
    choice: Literal["a", "b"] = "b"
    nested: Annotated[Inner, Field(description="The nested one.")]
    many: list[Inner] = []
    texts: dict[str, str] | None = None
    anything: dict[str, Any] = {}
    number: Annotated[int, Field(ge=1)] = 3


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("optional", {"type": "string"}),
        ("constant", {"type": "string", "enum": ["a"], "default": "a"}),
        ("choice", {"type": "string", "enum": ["a", "b"], "default": "b"}),
        (
            "nested",
            {
                "type": "object",
                "description": "The nested one.",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            },
        ),
        (
            "many",
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "Inner.",
                    "properties": {"name": {"type": "string"}},
                    "required": ["name"],
                },
            },
        ),
        ("texts", {"type": "object", "additionalProperties": {"type": "string"}}),
        ("anything", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        ("number", {"type": "integer", "minimum": 1, "default": 3}),
    ],
)
def test_conversion(field: str, schema: Schema) -> None:
    assert structural_schema(Outer)["properties"][field] == schema


def test_what_is_required_stays_so() -> None:
    assert structural_schema(Outer)["required"] == ["nested"]


def test_kubernetes_own_shapes_lose_the_generators_words() -> None:
    schema = structural_schema(V1ResourceRequirements)
    assert schema["properties"]["requests"]["description"].startswith("Requests describes")
    assert structural_schema(MLTask)["properties"]["spec"]["properties"]["resources"][
        "description"
    ].startswith("The task's allocation")
