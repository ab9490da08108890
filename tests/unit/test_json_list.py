"""Lists are read one item at a time, however the bytes arrive."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.kube.jsonlist import LARGE_ITEM, ListReader

Json = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner)
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)


class Pieces:
    """A stream that hands out pieces of this size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = data
        self._size = size

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        for start in range(0, len(self._data), self._size):
            yield self._data[start : start + self._size]


async def read(data: bytes, size: int) -> tuple[list[Json], Json]:
    """Return the items and the rest of a list that arrives in pieces of this size."""
    items: list[Json] = []
    reader = ListReader(lambda item, _: items.append(item))
    rest: Json = json.loads(await reader.read(Pieces(data, size)))
    assert reader.count == len(items)
    return items, rest


@given(
    items=st.lists(OBJECTS, max_size=5),
    size=st.integers(1, 100),
    is_typed=st.booleans(),
    is_ascii=st.booleans(),
    spaces=st.sampled_from([(",", ":"), (", ", ": ")]),
)
async def test_every_list_is_read_whole(
    items: list[Json], size: int, *, is_typed: bool, is_ascii: bool, spaces: tuple[str, str]
) -> None:
    metadata = {"resourceVersion": "10", "continue": "x"}
    # The API server sends the metadata of built-in types first, of custom resources last.
    parts = {"metadata": metadata, "items": items} if is_typed else None
    body = parts or {"apiVersion": "v1", "items": items, "metadata": metadata}
    text = json.dumps(body, ensure_ascii=is_ascii, separators=spaces)
    data = text.encode("utf-8", "surrogatepass" if is_ascii else "replace")
    found, rest = await read(data, size)
    assert found == json.loads(data)["items"]
    assert rest == {**body, "items": []}


async def test_a_list_may_have_null_for_its_items() -> None:
    assert await read(b'{"items":null,"metadata":{}}', 5) == ([], {"items": None, "metadata": {}})


@pytest.mark.parametrize(
    "data", [b'{"items":[{"a":1}', b'{"items":[{"a":', b'{"items":[1,2]}', b'{"items":[{}, oops]}']
)
async def test_what_is_no_list_of_objects_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="list"):
        await read(data, 4)


async def test_the_length_of_each_item_is_told() -> None:
    lengths: list[int] = []
    large = {"a": "x" * LARGE_ITEM}
    items = [{"a": 1}, large, {}]
    data = json.dumps({"items": items}, separators=(",", ":")).encode()
    await ListReader(lambda _, length: lengths.append(length)).read(Pieces(data, 1000))
    assert lengths == [7, LARGE_ITEM + 8, 2]
