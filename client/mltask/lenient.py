"""Reading an MLTask that a newer version wrote: what this version does not know is set aside."""

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mltask_operator.api.status import Phase, StepPhase
from mltask_operator.api.v1alpha1 import MLTask
from mltask_operator.escaping import escape

Json = dict[str, Any]
Location = tuple[int | str, ...]

MAX_ROUNDS = 100
NEEDED: dict[Location, Any] = {
    ("spec",): {"image": "unknown", "resources": {}},
    ("spec", "image"): "unknown",
    ("spec", "resources"): {},
}
"""The replacements for required fields that cannot be read."""


def read(body: Mapping[str, Any]) -> MLTask:
    """Return the MLTask that the API server sent.

    Unknown fields are left out. An unknown phase stays, as an escaped word. Any other value that
    this version cannot read is left out, together with the object or item that cannot do without
    it. Raises pydantic's ValidationError for what is no MLTask at all.
    """
    try:
        return MLTask.model_validate(body, extra="ignore")
    except ValidationError as error:
        fault = error
    readable: Json = copy.deepcopy(dict(body))
    for _ in range(MAX_ROUNDS):
        if not _set_aside_all(readable, fault):
            break
        try:
            return MLTask.model_validate(readable, extra="ignore")
        except ValidationError as error:
            fault = error
    raise fault


def _set_aside_all(body: Json, fault: ValidationError) -> bool:
    """Replace or remove each value that is faulty; return whether there was any."""
    locations = [each["loc"] for each in fault.errors()]
    needed = [location for location in locations if location in NEEDED]
    # For a value that is missing, this is its object or item, which cannot do without it.
    reached = dict.fromkeys(_reached(body, each) for each in locations if each not in NEEDED)
    # From the last one to the first, so that the indexes of items stay right.
    for location in reversed(reached):
        if location and not any(location[:depth] in reached for depth in range(1, len(location))):
            _set_aside(body, location)
    for location in needed:
        holder: Any = body if len(location) == 1 else body["spec"]
        holder[location[-1]] = copy.deepcopy(NEEDED[location])
    return bool(needed or any(reached))


def _reached(body: Json, location: Location) -> Location:
    """Return the part of a location at which there is a value."""
    value: Any = body
    for depth, key in enumerate(location):
        try:
            value = value[key]
        except (LookupError, TypeError):
            return location[:depth]
    return location


def _set_aside(body: Json, location: Location) -> None:
    holder: Any = body
    for key in location[:-1]:
        holder = holder[key]
    word, last = holder[location[-1]], location[-1]
    if location[0] == "status" and last == "phase" and isinstance(word, str):
        holder[last] = _word(location, word)
    else:
        del holder[last]


def _word(location: Location, text: str) -> Phase | StepPhase:
    """Return a phase that this version does not know."""
    kind: type[Phase | StepPhase] = Phase if location == ("status", "phase") else StepPhase
    word = str.__new__(kind, escape(text))
    word._name_ = word._value_ = str(word)
    return word
