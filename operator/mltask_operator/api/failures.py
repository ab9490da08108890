"""What the spec says of failures: how often, how late and with what a task is tried again."""

from typing import Annotated, Literal

from pydantic import Field

from mltask_operator.api.base import SpecModel

DEFAULT_BASE_SECONDS = 10
DEFAULT_MAX_SECONDS = 600
DEFAULT_MEMORY_FACTOR = 2.0
LEAST_MEMORY_FACTOR = 1.1
LONGEST_BACKOFF_SECONDS = 86_400


class Backoff(SpecModel):
    """How long the task waits after a failure: baseSeconds, doubled with each further failure."""

    base_seconds: Annotated[
        int,
        Field(
            ge=1,
            le=LONGEST_BACKOFF_SECONDS,
            description=f"Seconds after the first failure; {DEFAULT_BASE_SECONDS} by default.",
        ),
    ] = DEFAULT_BASE_SECONDS
    max_seconds: Annotated[
        int,
        Field(
            ge=1,
            le=LONGEST_BACKOFF_SECONDS,
            description=f"The longest wait in seconds; {DEFAULT_MAX_SECONDS} by default.",
        ),
    ] = DEFAULT_MAX_SECONDS


class OnExitCodes(SpecModel):
    """Exit codes of the Pod's failed containers, as in a batch/v1 Job."""

    container_name: Annotated[
        str | None,
        Field(
            max_length=63,
            description="The container, init container or step that is looked at; all where it is "
            "absent.",
        ),
    ] = None
    operator: Annotated[
        Literal["In", "NotIn"],
        Field(
            description="In: the rule matches where a container's exit code is one of values. "
            "NotIn: where it is none of them. Exit code 0 never matches."
        ),
    ]
    values: Annotated[
        list[Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]],
        Field(min_length=1, max_length=255, description="Exit codes, without 0 for In."),
    ]


class OnPodCondition(SpecModel):
    """A condition of the ended Pod, as in a batch/v1 Job."""

    type: Annotated[
        str, Field(min_length=1, max_length=316, description="For example DisruptionTarget.")
    ]
    status: Annotated[
        Literal["True", "False", "Unknown"], Field(description="True by default.")
    ] = "True"


class PodFailurePolicyRule(SpecModel):
    """One rule: what is done with an attempt that failed in a certain way."""

    action: Annotated[
        Literal["Fail", "Ignore", "Count"],
        Field(
            description="Fail: the task has failed, whatever its backoffLimit. Ignore: a further "
            "attempt follows, and this one is not counted in failures. Count: it is counted, also "
            "where it was a disruption."
        ),
    ]
    on_exit_codes: Annotated[
        OnExitCodes | None, Field(description="Matches exit codes of the Pod's containers.")
    ] = None
    on_pod_conditions: Annotated[
        list[OnPodCondition] | None,
        Field(min_length=1, max_length=20, description="Matches where the Pod has one of these."),
    ] = None


class PodFailurePolicy(SpecModel):
    """Rules for attempts that did not succeed, as in a batch/v1 Job; the first match counts."""

    rules: Annotated[
        list[PodFailurePolicyRule],
        Field(
            min_length=1,
            max_length=20,
            description="Tried in order. Where none matches, a failure is counted and a "
            "disruption is not.",
        ),
    ]


class OnOutOfMemory(SpecModel):
    """How the memory grows after an attempt was killed for want of it."""

    memory_factor: Annotated[
        float,
        Field(
            ge=LEAST_MEMORY_FACTOR,
            le=10,
            description="What memory in requests and limits is multiplied by for the next "
            f"attempt; {DEFAULT_MEMORY_FACTOR:g} by default.",
        ),
    ] = DEFAULT_MEMORY_FACTOR
    max_memory: Annotated[
        str,
        Field(
            description="The most memory that is asked for. As long as there is less, an attempt "
            "that ran out of memory is not counted in failures; after that it is a failure."
        ),
    ]
