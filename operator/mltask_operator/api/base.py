"""What the models have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

MAX_SECONDS = 2**31 - 1
"""The largest int32, as Kubernetes bounds its own fields in seconds: 68 years."""

MAX_MESSAGE_LENGTH = 1024
"""What a refusal says may be long: of a Pod with a thousand errors, the API server names each."""


def _cut(message: str) -> str:
    if len(message) <= MAX_MESSAGE_LENGTH:
        return message
    return message[: MAX_MESSAGE_LENGTH - 1] + "…"


Message = Annotated[str, AfterValidator(_cut)]
"""A text for people, cut to MAX_MESSAGE_LENGTH."""


class SpecModel(BaseModel):
    """A part of the spec: unknown fields are refused, since they are most likely misspelt."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid")


class StatusModel(BaseModel):
    """A part of the status: immutable. It ignores fields that a later version may have written."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        extra="ignore",
    )
