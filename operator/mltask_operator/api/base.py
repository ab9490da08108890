"""What the models of the spec have in common."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

MAX_SECONDS = 2**31 - 1
"""The largest int32, as Kubernetes bounds its own fields in seconds: 68 years."""


class SpecModel(BaseModel):
    """A part of the spec: unknown fields are refused, since they are most likely misspelt."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid")
