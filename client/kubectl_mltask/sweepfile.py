"""The file of a sweep: a template, and parameters to run it with. Pure.

It has the shape of a Kubernetes manifest, but `kubectl mltask sweep` reads it, no API server.
"""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from kubectl_mltask.output import faults
from mltask import MLTaskSpec

API_VERSION = "kubectl.mltask.dev/v1alpha1"
MAX_TRIALS = 10_000

Parameter = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Value = StrictStr | StrictBool | StrictInt | StrictFloat


class InvalidSweep(Exception):
    """The file cannot be used; the text names it and its fields."""


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Metadata(_Part):
    """What the sweep is called: its tasks are NAME-0, NAME-1 and so on."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=57)]


class Metric(_Part):
    """By what the trials are compared: a number in the JSON object that is a trial's result."""

    name: str
    goal: Literal["maximize", "minimize"]


class TemplateMetadata(_Part):
    """Labels and annotations of every task."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Template(_Part):
    """What every task has in common: an MLTask without a name."""

    metadata: TemplateMetadata = TemplateMetadata()
    spec: MLTaskSpec


class Sweep(_Part):
    """A template, and parameters: either a grid or a list. Each becomes environment variables."""

    api_version: Literal["kubectl.mltask.dev/v1alpha1"]
    kind: Literal["Sweep"]
    metadata: Metadata
    template: Template
    grid: Annotated[
        dict[Parameter, Annotated[list[Value], Field(min_length=1)]] | None, Field(min_length=1)
    ] = None
    trials: Annotated[
        list[Annotated[dict[Parameter, Value], Field(min_length=1)]] | None,
        Field(alias="list", min_length=1),
    ] = None
    metric: Metric | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.grid is None) == (self.trials is None):
            raise ValueError("either grid or list is needed, and not both")
        combinations = list(itertools.islice(self.combinations(), MAX_TRIALS + 1))
        if len(combinations) > MAX_TRIALS:
            raise ValueError(f"these are more than {MAX_TRIALS} trials")
        names = set().union(*combinations)
        if taken := names & {variable.name for variable in self.template.spec.env or ()}:
            raise ValueError(
                f"{', '.join(sorted(taken))}: both a parameter and in template.spec.env"
            )
        return self

    def combinations(self) -> Iterator[dict[str, str]]:
        """Yield the parameters of each trial, as text; of a grid, the last one varies fastest."""
        if self.trials is not None:
            yield from ({name: _text(v) for name, v in trial.items()} for trial in self.trials)
            return
        grid = self.grid or {}
        for values in itertools.product(*grid.values()):
            yield {name: _text(value) for name, value in zip(grid, values, strict=True)}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses a key given twice, of which PyYAML keeps only the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (the base class has it so)
        given: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in given:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{key.value!r} is given twice", key.start_mark
                    )
                given.add(key.value)
        return super().construct_mapping(node, deep)


def parse(text: str, source: str) -> Sweep:
    """Return the sweep that this YAML describes. Raises InvalidSweep, naming `source` and field."""
    try:
        document: Any = yaml.load(text, _Loader)  # noqa: S506 (it is a SafeLoader)
        return Sweep.model_validate(document)
    except yaml.YAMLError as error:
        raise InvalidSweep(f"{source} is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidSweep(f"{source} is no sweep:\n{faults(error)}") from error
