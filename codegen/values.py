"""The table of the chart's README: values.yaml says name, default and meaning, its schema the type.

A value is described by the comment right above it. One without a comment is a mere group, and what
is in it has comments; so a mapping with a comment is one value.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from codegen.markdown import rows

CHART = Path(__file__).parent.parent / "charts" / "mltask-operator"
BEGIN = (
    "<!-- Generated from values.yaml and values.schema.json by `make generate`. Do not edit. -->\n"
)
END = "<!-- End of what is generated. -->\n"

Schema = dict[str, Any]


def render() -> str:
    """Return the README with its table made anew. Raises ValueError over a value without words."""
    before, _, rest = (CHART / "README.md").read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    text = (CHART / "values.yaml").read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())
    return f"{before}{BEGIN}\n{table(text, schema)}\n{END}{after}"


def table(text: str, schema: Schema) -> str:
    """Return the table of these values."""
    root = yaml.compose(text, yaml.SafeLoader)
    found = _values(root, text.splitlines(), schema, schema["definitions"], "")
    return rows(("Value", "Type", "Default", "Meaning"), found)


def _values(
    node: Any, lines: list[str], schema: Schema, definitions: Schema, prefix: str
) -> Iterator[tuple[str, ...]]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        own = _resolved(schema["properties"][key.value], definitions)
        if comment := _comment(lines, key.start_mark.line):
            yield f"`{name}`", _type(own, definitions), _default(value), _linked(comment)
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _values(value, lines, own, definitions, f"{name}.")
        else:
            raise ValueError(f"{name} has no comment in values.yaml")


def _comment(lines: list[str], line: int) -> str:
    """Return the comment that ends right above a line; an empty line ends it upwards."""
    found: list[str] = []
    while line and (above := lines[line - 1].strip()).startswith("#"):
        found.insert(0, above.removeprefix("#").strip())
        line -= 1
    return " ".join(found)


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    resolved: Schema = definitions[name] if name else schema
    return resolved


def _type(schema: Schema, definitions: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{choice}`" for choice in schema["enum"])
    if schema["type"] == "array":
        return f"list of {_type(_resolved(schema['items'], definitions), definitions)}s"
    return str(schema["type"])


def _default(node: Any) -> str:
    return f"`{json.dumps(yaml.SafeLoader('').construct_document(node))}`"


def _linked(text: str) -> str:
    """Have the pages of docs/ that a comment names be links."""
    return re.sub(r"\bdocs/[\w-]+\.md", r"[\g<0>](../../\g<0>)", text)
