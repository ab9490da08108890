"""The status of an MLTask, as the operator writes it and users read it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mltask_operator.api.base import Message, StatusModel
from mltask_operator.api.numbers import Count, ExitCode, Time


class Phase(StrEnum):
    """Where a task is in its life."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SUSPENDED = "Suspended"


FINAL_PHASES = (Phase.SUCCEEDED, Phase.FAILED)


class StepPhase(StrEnum):
    """How far a step is. Succeeded, Failed and Skipped are final: no such step runs again."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"


class Condition(StatusModel):
    """One fact about the task, in the form that `kubectl wait --for=condition=…` reads."""

    type: Annotated[str, Field(description="Complete, Failed, Finished or Suspended.")]
    status: Annotated[
        Literal["True", "False", "Unknown"],
        Field(description="Whether the condition holds: True, False or Unknown."),
    ]
    reason: Annotated[str, Field(description="The same word as status.reason at that moment.")]
    message: Annotated[
        Message, Field(description="The same text as status.message at that moment.")
    ]
    last_transition_time: Annotated[Time, Field(description="When the condition came to hold.")]


class AttemptRecord(StatusModel):
    """How an earlier attempt ended, after which a further one followed."""

    attempt: Annotated[Count, Field(description="The number of the attempt, from 1.")]
    reason: Annotated[str, Field(description="Why the attempt ended.")]
    message: Annotated[Message | None, Field(description="Why the attempt ended, for people.")] = (
        None
    )
    exit_code: Annotated[
        ExitCode | None, Field(description="Exit code of the container that decided, if one ran.")
    ] = None
    pod_name: Annotated[str, Field(description="Name of the attempt's Pod.")]
    node_name: Annotated[
        str | None, Field(description="Node that the Pod was bound to, if it was.")
    ] = None
    start_time: Annotated[
        Time | None, Field(description="When the container main started, if it did.")
    ] = None
    completion_time: Annotated[Time, Field(description="When the attempt ended.")]
    memory: Annotated[
        str | None,
        Field(description="The memory that the attempt asked for, where it was to ask for more."),
    ] = None


class StepStatus(StatusModel):
    """How far one of the steps is that share the task's allocation."""

    name: Annotated[str, Field(description="Name of the step.")]
    phase: Annotated[
        StepPhase,
        Field(
            description="Pending, Running, Succeeded, Failed, or Skipped since one before it "
            "failed."
        ),
    ]
    exit_code: Annotated[
        ExitCode | None, Field(description="Exit code of the step's container, once it has ended.")
    ] = None
    start_time: Annotated[Time | None, Field(description="When the step's container started.")] = (
        None
    )
    completion_time: Annotated[
        Time | None, Field(description="When the step's container ended.")
    ] = None
    reason: Annotated[
        str | None, Field(description="Why the step failed, in the words of status.reason.")
    ] = None
    result: Annotated[
        str | None,
        Field(
            description="What the step wrote to its termination log or, of a failed one that wrote "
            "none, the end of its log. All containers of a Pod share 12 KiB for it."
        ),
    ] = None

    @property
    def is_final(self) -> bool:
        """Whether the step never runs again."""
        return self.phase not in (StepPhase.PENDING, StepPhase.RUNNING)


class Allocation(StatusModel):
    """What the task was given, and for how long."""

    requests: Annotated[
        dict[str, str],
        Field(description="The requests of the present, last or next attempt, by resource."),
    ]
    seconds: Annotated[
        Count,
        Field(
            description="For how long Pods of this task held their requests on a node, all "
            "attempts that have ended taken together."
        ),
    ]


class MLTaskStatus(StatusModel):
    """What is known of the task. Written by the operator alone."""

    phase: Annotated[
        Phase,
        Field(
            description="Pending, Running, Suspended, Succeeded or Failed; the last two are final."
        ),
    ] = Phase.PENDING
    reason: Annotated[
        str | None,
        Field(description="Why the task is in this phase, in one CamelCase word."),
    ] = None
    message: Annotated[
        Message | None, Field(description="Why the task is in this phase, for people.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            description="Complete (succeeded), Failed, and Finished (either way); Suspended once "
            "the task was suspended.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = ()
    attempts: Annotated[
        Count, Field(description="How many attempts, and so Pods, the task has had.")
    ] = 0
    failures: Annotated[
        Count,
        Field(description="How many attempts failed through the task itself: see backoffLimit."),
    ] = 0
    disruptions: Annotated[
        Count,
        Field(
            description="How many attempts ended through no fault of the task: eviction, "
            "preemption, node lost, Pod deleted by somebody else."
        ),
    ] = 0
    pod_name: Annotated[str | None, Field(description="Pod of the present or last attempt.")] = None
    node_name: Annotated[str | None, Field(description="Node of the present or last attempt.")] = (
        None
    )
    pending_since: Annotated[
        Time | None,
        Field(
            description="When the present Pod was freed of its scheduling gates, if it had any: "
            "pendingDeadlineSeconds counts from there."
        ),
    ] = None
    start_time: Annotated[
        Time | None,
        Field(
            description="When the container main (or the first step) of the present or last "
            "attempt started."
        ),
    ] = None
    completion_time: Annotated[Time | None, Field(description="When the task ended.")] = None
    duration: Annotated[
        str | None,
        Field(description="From startTime to completionTime in short form, for example 3m20s."),
    ] = None
    exit_code: Annotated[
        ExitCode | None, Field(description="Exit code of the container that decided the outcome.")
    ] = None
    result: Annotated[
        str | None,
        Field(
            description="What a succeeded task wrote to its termination log "
            "(/dev/termination-log), at most 4096 bytes, without line breaks at its end."
        ),
    ] = None
    log_tail: Annotated[
        str | None,
        Field(
            description="Of a failed task: what it wrote to its termination log or, where that is "
            "empty and the exit code is not 0, the end of its log (80 lines or 2048 bytes, "
            "whichever is less)."
        ),
    ] = None
    steps: Annotated[
        tuple[StepStatus, ...],
        Field(
            description="How far each of the steps is.",
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    allocation: Annotated[
        Allocation | None, Field(description="What the task was given, and for how long.")
    ] = None
    history: Annotated[
        tuple[AttemptRecord, ...],
        Field(description="The earlier attempts, oldest first, at most ten."),
    ] = ()
    observed_generation: Annotated[
        Count | None, Field(description="The metadata.generation that this status speaks of.")
    ] = None

    @property
    def is_finished(self) -> bool:
        """Whether the outcome is recorded; it never changes from then on."""
        return self.phase in FINAL_PHASES

    @property
    def finished_at(self) -> datetime | None:
        """When the outcome was recorded, by the operator's clock; None before that."""
        finished = (c.last_transition_time for c in self.conditions if c.type == "Finished")
        return next(finished, None)
