"""The status of an MLTask, as the operator writes it and users read it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Phase(StrEnum):
    """Where a task is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class StatusModel(BaseModel):
    """A part of the status: immutable, and deaf to fields that a newer version may have written."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        extra="ignore",
    )


class Condition(StatusModel):
    """One fact about the task, in the form that `kubectl wait --for=condition=…` reads."""

    type: Annotated[str, Field(description="Complete, Failed or Finished.")]
    status: Annotated[
        Literal["True", "False", "Unknown"],
        Field(description="Whether the condition holds: True, False or Unknown."),
    ]
    reason: Annotated[str, Field(description="The same word as status.reason at that moment.")]
    message: Annotated[str, Field(description="The same text as status.message at that moment.")]
    last_transition_time: Annotated[datetime, Field(description="When the condition came to hold.")]


class AttemptRecord(StatusModel):
    """How an earlier attempt ended, after which a further one followed."""

    attempt: Annotated[int, Field(description="The number of the attempt, from 1.")]
    reason: Annotated[str, Field(description="Why the attempt ended.")]
    message: Annotated[str | None, Field(description="Why the attempt ended, for people.")] = None
    exit_code: Annotated[
        int | None, Field(description="Exit code of the container that decided, if one ran.")
    ] = None
    pod_name: Annotated[str, Field(description="Name of the attempt's Pod.")]
    node_name: Annotated[
        str | None, Field(description="Node that the Pod was bound to, if it was.")
    ] = None
    start_time: Annotated[
        datetime | None, Field(description="When the container main started, if it did.")
    ] = None
    completion_time: Annotated[datetime, Field(description="When the attempt ended.")]


class MLTaskStatus(StatusModel):
    """What is known of the task. Written by the operator alone."""

    phase: Annotated[
        Phase, Field(description="Pending, Running, Succeeded or Failed; the last two are final.")
    ] = Phase.PENDING
    reason: Annotated[
        str | None,
        Field(description="Why the task is in this phase, in one CamelCase word."),
    ] = None
    message: Annotated[
        str | None, Field(description="Why the task is in this phase, for people.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Complete (succeeded), Failed, and Finished (either way).",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = ()
    attempts: Annotated[
        int, Field(description="How many attempts, and so Pods, the task has had.")
    ] = 0
    disruptions: Annotated[
        int,
        Field(
            description="How many attempts ended through no fault of the task: eviction, "
            "preemption, node lost, Pod deleted by somebody else."
        ),
    ] = 0
    pod_name: Annotated[str | None, Field(description="Pod of the present or last attempt.")] = None
    node_name: Annotated[str | None, Field(description="Node of the present or last attempt.")] = (
        None
    )
    start_time: Annotated[
        datetime | None,
        Field(description="When the container main of the present or last attempt started."),
    ] = None
    completion_time: Annotated[datetime | None, Field(description="When the task ended.")] = None
    duration: Annotated[
        str | None,
        Field(description="From startTime to completionTime in short form, for example 3m20s."),
    ] = None
    exit_code: Annotated[
        int | None, Field(description="Exit code of the container that decided the outcome.")
    ] = None
    result: Annotated[
        str | None,
        Field(
            description="What a succeeded task wrote to its termination log "
            "(/dev/termination-log), at most 4096 bytes."
        ),
    ] = None
    log_tail: Annotated[
        str | None,
        Field(
            description="Of a failed task: what it wrote to its termination log or, where that is "
            "empty, the end of its log (80 lines or 2048 bytes, whichever is less)."
        ),
    ] = None
    history: Annotated[
        tuple[AttemptRecord, ...],
        Field(description="The earlier attempts, oldest first, at most ten."),
    ] = ()
    observed_generation: Annotated[
        int | None, Field(description="The metadata.generation that this status speaks of.")
    ] = None

    @property
    def is_finished(self) -> bool:
        """Whether the outcome is recorded; it never changes from then on."""
        return self.phase in (Phase.SUCCEEDED, Phase.FAILED)
