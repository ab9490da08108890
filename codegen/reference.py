"""docs/reference.md: every field and every reason of the API, from the models themselves."""

from collections.abc import Iterator
from typing import Any

from codegen.markdown import rows
from codegen.structural import Schema, structural_schema
from mltask_operator.api import names
from mltask_operator.api.reasons import Reason
from mltask_operator.api.v1alpha1 import MLTask

HEADER = f"""\
<!-- Generated from operator/mltask_operator/api by `make generate`. Do not edit. -->
# API reference: {names.KIND}, {names.API_VERSION}

`kubectl explain mltask.spec` and `kubectl explain mltask.status` show the same fields.
"""
POD_SCHEMAS = ("env", "envFrom", "template")
"""Fields whose inner schema is a Pod's own; `kubectl explain pod.spec` describes it."""


def render() -> str:
    """Return the page as Markdown text."""
    properties = structural_schema(MLTask)["properties"]
    parts = [HEADER]
    for part in ("spec", "status"):
        parts += [f"## {part}\n", f"{properties[part]['description']}\n", _table(properties[part])]
    parts += [
        "## Reasons\n",
        "The values of `status.reason`, of the conditions' `reason`, and of the attempts in "
        "`status.history`.\n",
        rows(("Reason", "Meaning"), ((f"`{r.value}`", r.meaning) for r in Reason)),
    ]
    return "\n".join(parts)


def _table(schema: Schema) -> str:
    fields = ((f"`{path}`", kind, text) for path, kind, text in _fields(schema, ""))
    return rows(("Field", "Type", "Description"), fields)


def _fields(schema: Schema, prefix: str) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        kind = _kind(field) + (", required" if name in required else "")
        yield f"{prefix}{name}", kind, field.get("description", "")
        inner = field.get("items", field)
        if "properties" in inner and name not in POD_SCHEMAS:
            suffix = "[]." if "items" in field else "."
            yield from _fields(inner, f"{prefix}{name}{suffix}")


def _kind(field: dict[str, Any]) -> str:
    if "x-kubernetes-int-or-string" in field:
        return "quantity"
    if field["type"] == "array":
        return f"list of {_kind(field['items'])}"
    if "additionalProperties" in field:
        return f"map to {_kind(field['additionalProperties'])}"
    return "time" if field.get("format") == "date-time" else str(field["type"])
