"""Random specs by the CRD's own schema: most are of the right shape, some spoiled in one place."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.api.team import FAKE, Json

CRD = Path(__file__).parents[2] / "crds" / "mltasks.yaml"
SCHEMA: Json = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
MOST_FIELDS = 3
"""Optional fields in one object: with more of them, hardly any Pod would be a valid one."""

TEXTS = st.sampled_from(["", "a", "main", "x/y", "example.com/a", "A B", "ü", "s" * 70, "-", "1"])
QUANTITIES = st.sampled_from(
    ["0", "1", "100m", "1Gi", ".5", "2e3", "1e18", "1e99", "-1", "8Ei", "1e999", "1 Gi", "", "3n"]
)
INTEGERS = st.sampled_from([0, 1, 2, 60, -1, 2**31 - 1, 2**31, 2**63 - 1])
ODD_VALUES = st.sampled_from(
    [None, True, -1, 0.5, 2**70, 1e300, "", "x", "\0", "☃", [], {}, [None], {"": ""}, "x" * 300]
)  # fmt: skip

RESOURCES: list[Json] = [
    {"requests": {"cpu": "100m"}},
    {"requests": {"memory": "64Mi"}},
    {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
    {"requests": {"memory": 2**20}, "limits": {"memory": "1e9", "cpu": "1.5"}},
    {"requests": {"cpu": "1", "nvidia.com/gpu": 1}},
]

Overrides = dict[str, SearchStrategy[Any]]


def values(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[Any]:
    """Return values of the right shape for a part of the schema; `overrides` go by the path."""
    if path in overrides:
        return overrides[path]
    if "x-kubernetes-int-or-string" in schema:
        return QUANTITIES | INTEGERS
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _SHAPES[schema["type"]](schema, path, overrides)


def _objects(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[Json]:
    if "additionalProperties" in schema:
        inner = values(schema["additionalProperties"], f"{path}.*", overrides)
        return st.dictionaries(TEXTS, inner, max_size=2)
    fields = {
        name: values(part, f"{path}.{name}", overrides)
        for name, part in schema.get("properties", {}).items()
    }
    required = [name for name in schema.get("required", ()) if name in fields]
    optional = sorted(fields.keys() - required)
    chosen = st.lists(st.sampled_from(optional), max_size=MOST_FIELDS, unique=True)
    if not optional:
        chosen = st.just([])
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({n: fields[n] for n in [*required, *names]})
    )


def _arrays(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[list[Any]]:
    least = schema.get("minItems", 0)
    return st.lists(values(schema["items"], f"{path}[]", overrides), min_size=least, max_size=3)


def _strings(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[str]:
    pattern: str | None = schema.get("pattern")
    if pattern is not None:
        return st.from_regex(pattern, fullmatch=True)
    return TEXTS | st.text(max_size=8)


def _integers(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[int]:
    if "minimum" not in schema:
        return INTEGERS
    return st.integers(schema["minimum"], schema["maximum"]) | st.integers(schema["minimum"], 5)


def _numbers(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[float]:
    return st.floats(schema["minimum"], schema["maximum"])


def _booleans(schema: Json, path: str, overrides: Overrides) -> SearchStrategy[bool]:
    return st.booleans()


_SHAPES: dict[str, Callable[[Json, str, Overrides], SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _arrays,
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
}


@st.composite
def spoiled(draw: DrawFn, whole: SearchStrategy[Json]) -> Json:
    """Return such an object with one place of it replaced, removed or joined by what is unknown."""
    value = copy.deepcopy(draw(whole))
    holder, key = draw(st.sampled_from(list(_places(value))))
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            holder[key] = copy.deepcopy(draw(ODD_VALUES))
        case "remove":
            del holder[key]
        case "add" if isinstance(holder, dict):
            holder["unknown"] = 1
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in the value: the object or list that holds it, and its key there."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _specs() -> SearchStrategy[Json]:
    spec = copy.deepcopy(SCHEMA["properties"]["spec"])
    # Every task has one, since it says how its Pod ends.
    spec["required"].append("template")
    pod = spec["properties"]["template"]["properties"]["spec"]
    # Such a Pod is for the garbage collector of Pods to remove, which takes a minute over it.
    del pod["properties"]["nodeName"]
    fate = st.fixed_dictionaries(
        {f"{FAKE}/run-seconds": st.just("0.1")},
        optional={
            f"{FAKE}/exit-code": st.sampled_from(["0", "1", "137"]),
            f"{FAKE}/reason": st.sampled_from(["Error", "OOMKilled"]),
        },
    )
    resources = st.fixed_dictionaries(
        {"requests": st.fixed_dictionaries({"cpu": QUANTITIES}, optional={"memory": QUANTITIES})},
        optional={"limits": st.fixed_dictionaries({"memory": QUANTITIES})},
    )
    labels = st.dictionaries(TEXTS, TEXTS, max_size=2)
    overrides: Overrides = {
        ".onOutOfMemory.maxMemory": st.sampled_from(["8Ei", "1e18"]) | QUANTITIES,
        ".image": st.sampled_from(["trainer:1", "t@sha256:0", "T"]),
        ".resources": st.sampled_from(RESOURCES) | resources,
        ".template": st.fixed_dictionaries(
            {"metadata": st.fixed_dictionaries({"annotations": fate}, optional={"labels": labels})},
            optional={"spec": values(pod, ".template.spec", {})},
        ),
    }
    return values(spec, "", overrides)


SPECS = _specs()
ANY_SPEC = SPECS | SPECS | spoiled(SPECS)
