"""Good answers of the API server: JSON objects of the kind that was asked for."""

import json
from typing import Any

from mltask_operator.kube.errors import StrayAnswer

Json = dict[str, Any]

NOT_AS_EXPECTED = (AttributeError, KeyError, TypeError, ValueError)
"""What code raises that reads JSON of another shape."""


def parsed(answer: bytes) -> Json:
    """Return the JSON object of a good answer. Raise StrayAnswer if it holds none."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise StrayAnswer(200, answer[:1000].decode(errors="replace")) from error
    if not isinstance(found, dict):
        raise StrayAnswer(200, "no JSON object")
    return found


def expect(body: Json, *kinds: str) -> Json:
    """Return the object of a good answer. Raise StrayAnswer if its kind is not one of these."""
    kind = body.get("kind")
    if kind not in kinds:
        raise StrayAnswer(200, f"an object of kind {kind}")
    return body


def version_of_list(body: Json) -> int:
    """Return the resourceVersion of a list, whose items may be left out.

    Raise StrayAnswer if the object is no list.
    """
    try:
        version = int(body["metadata"]["resourceVersion"])
    except NOT_AS_EXPECTED as error:
        raise StrayAnswer(200, f"no list ({type(error).__name__}: {error})") from error
    if not str(body.get("kind")).endswith("List"):
        raise StrayAnswer(200, f"no list, but an object of kind {body.get('kind')}")
    return version
