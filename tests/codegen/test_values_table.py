"""The table of the chart's values says what values.yaml and its schema say."""

from typing import Any

import pytest

from codegen.values import CHART, render, table


def schema(**properties: Any) -> dict[str, Any]:
    return {"properties": properties, "definitions": {"text": {"type": "string"}}}


def rows(text: str, **properties: Any) -> list[str]:
    return table(text, schema(**properties)).splitlines()[2:]


def test_the_readme_is_up_to_date() -> None:
    assert (CHART / "README.md").read_text() == render()


def test_a_row_has_name_type_default_and_meaning() -> None:
    text = "# Not of it.\n\n# How many.\n# Or none.\ncount: 2\n"
    assert rows(text, count={"type": "integer"}) == [
        "| `count` | integer | `2` | How many. Or none. |"
    ]


def test_a_group_gives_way_to_what_is_in_it_and_a_described_mapping_is_one_value() -> None:
    text = "group:\n  # One.\n  one: a\n# All.\nall:\n  key: b\n"
    group = {"type": "object", "properties": {"one": {"enum": ["a", "b"]}}}
    assert rows(text, group=group, all={"type": "object"}) == [
        '| `group.one` | `a`, `b` | `"a"` | One. |',
        '| `all` | object | `{"key": "b"}` | All. |',
    ]


def test_definitions_are_looked_up_and_pages_linked() -> None:
    reference = {"$ref": "#/definitions/text"}
    assert rows("# See docs/a-b.md.\nnames: []\n", names={"type": "array", "items": reference}) == [
        "| `names` | list of strings | `[]` | See [docs/a-b.md](../../docs/a-b.md). |"
    ]


@pytest.mark.parametrize("text", ["count: 2\n", "count: {}\n"])
def test_a_value_without_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="count has no comment"):
        rows(text, count={"type": "integer"})
