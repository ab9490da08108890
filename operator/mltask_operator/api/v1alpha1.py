"""The MLTask resource `mltask.dev/v1alpha1`: the models that the CRD is generated from.

Shapes that Kubernetes has already (environment, resources, Pods) are the `kubernetes` package's
own pydantic models, so that an MLTask accepts what a Pod accepts.
"""

from typing import Annotated, Any, Literal

from kubernetes.client.models import (
    V1EnvFromSource,
    V1EnvVar,
    V1ObjectMeta,
    V1PodSpec,
    V1ResourceRequirements,
)
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from mltask_operator.api import names
from mltask_operator.api.accepted import with_containers, with_text_amounts
from mltask_operator.api.base import MAX_SECONDS, SpecModel
from mltask_operator.api.failures import Backoff, OnOutOfMemory, PodFailurePolicy
from mltask_operator.api.status import MLTaskStatus

MAX_STEPS = 100

_Command = Annotated[
    list[str] | None, Field(description="Entrypoint; the image's own where it is absent.")
]
_Args = Annotated[
    list[str] | None,
    Field(description="Arguments of the entrypoint; the image's own where it is absent."),
]
IMAGE = r"^\S+$"
"""A reference without spaces; whether it can be read else is for the node to say."""


class PodTemplateMetadata(SpecModel):
    """What a template may say of the Pod's metadata; the operator sets the rest."""

    labels: Annotated[dict[str, str] | None, Field(description="Labels of the Pod.")] = None
    annotations: Annotated[dict[str, str] | None, Field(description="Annotations of the Pod.")] = (
        None
    )


class PodTemplate(SpecModel):
    """A Pod template as in a batch/v1 Job, for all that the short fields do not say."""

    metadata: Annotated[
        PodTemplateMetadata | None, Field(description="Labels and annotations of the Pod.")
    ] = None
    spec: Annotated[
        V1PodSpec | None,
        BeforeValidator(with_containers),
        Field(
            description="As in a Pod. A container named main is overlaid by the short fields; "
            "without one, main is put before the others. The task ends when all its containers "
            "have ended, so a sidecar belongs into initContainers, with restartPolicy Always. "
            "The Pod's own restartPolicy is always Never."
        ),
    ] = None


class Step(SpecModel):
    """One of several tasks that share an allocation: it runs in a container of its own."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=63,
            pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            description="Name of the step and of its container.",
        ),
    ]
    image: Annotated[
        str | None,
        Field(min_length=1, pattern=IMAGE, description="Image; spec.image where it is absent."),
    ] = None
    command: _Command = None
    args: _Args = None
    working_dir: Annotated[
        str | None, Field(description="Working directory; spec.workingDir where it is absent.")
    ] = None
    env: Annotated[
        list[V1EnvVar] | None,
        Field(description="Environment variables, beside those of spec.env and over them."),
    ] = None


class MLTaskSpec(SpecModel):
    """What is to run, and what it needs.

    Only suspend, ttlSecondsAfterFinished and activeDeadlineSeconds can be changed once the MLTask
    is there.
    """

    @model_validator(mode="before")
    @classmethod
    def _read_amounts(cls, spec: Any) -> Any:
        return with_text_amounts(spec)

    image: Annotated[
        str,
        Field(
            min_length=1,
            pattern=IMAGE,
            description="Container image of the task, and of each step that names none.",
        ),
    ]
    command: _Command = None
    args: _Args = None
    working_dir: Annotated[
        str | None, Field(description="Working directory; the image's own where it is absent.")
    ] = None
    env: Annotated[
        list[V1EnvVar] | None,
        Field(
            description="Environment variables, as in a container. A name that the template's "
            "container main sets too is overridden."
        ),
    ] = None
    env_from: Annotated[
        list[V1EnvFromSource] | None,
        Field(description="ConfigMaps and Secrets to take environment variables from."),
    ] = None
    resources: Annotated[
        V1ResourceRequirements,
        Field(
            description="The task's allocation: requests (required, with at least cpu or memory) "
            "and limits. An extended resource such as nvidia.com/gpu that is given only in "
            "requests is copied to limits."
        ),
    ]
    template: Annotated[
        PodTemplate | None,
        Field(
            description="Pod template for everything else: volumes, nodeSelector, tolerations, "
            "affinity, priorityClassName, serviceAccountName, imagePullSecrets, sidecars, "
            "securityContext."
        ),
    ] = None
    steps: Annotated[
        list[Step] | None,
        Field(
            min_length=1,
            max_length=MAX_STEPS,
            description="Several tasks that share this one allocation, instead of command and "
            "args: each runs in a container of its own, one after another, with the resources of "
            f"spec.resources to itself. All see the volume {names.SCRATCH_VOLUME}, at "
            f"{names.SCRATCH_PATH}.",
        ),
    ] = None
    step_failure_policy: Annotated[
        Literal["Stop", "Continue"] | None,
        Field(
            description="After a step that failed for good: Stop (the default) ends the task; "
            "Continue runs the steps after it in a further allocation."
        ),
    ] = None
    backoff_limit: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**31 - 1,
            description="How many failures of the task itself are followed by a further attempt; "
            "none (0) by default. Disruptions are not counted.",
        ),
    ] = None
    backoff: Annotated[
        Backoff | None,
        Field(
            description="How long the task waits after a failure: baseSeconds, doubled with each "
            "further failure up to maxSeconds."
        ),
    ] = None
    pod_failure_policy: Annotated[
        PodFailurePolicy | None,
        Field(description="Rules for attempts that did not succeed; the first match counts."),
    ] = None
    on_out_of_memory: Annotated[
        OnOutOfMemory | None,
        Field(
            description="Have an attempt that ran out of memory followed by one that asks for more."
        ),
    ] = None
    active_deadline_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_SECONDS,
            description="How long one attempt may run, from the start of its container; one that "
            "runs longer is ended and is a failure (DeadlineExceeded). May be changed at any time.",
        ),
    ] = None
    pending_deadline_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=MAX_SECONDS,
            description="How long the Pod of an attempt may take from its creation to the start "
            "of its container; after that the task has failed, with the reason it waited for. "
            "Time behind a scheduling gate does not count, nor does waiting for quota.",
        ),
    ] = None
    suspend: Annotated[
        bool | None,
        Field(
            description="True removes the task's Pod and keeps it from getting one, and counts "
            "nothing; false lets a fresh attempt start. May be changed at any time."
        ),
    ] = None
    ttl_seconds_after_finished: Annotated[
        int | None,
        Field(
            ge=0,
            le=MAX_SECONDS,
            description="How long after its end the MLTask is deleted; never where it is absent. "
            "May be changed at any time.",
        ),
    ] = None


class MLTask(BaseModel):
    """One machine-learning task, run in one Pod that is deleted the moment the task ends.

    What happened (exit code, reason, result, log tail) stays in the status.
    """

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)

    api_version: str = names.API_VERSION
    kind: str = names.KIND
    metadata: V1ObjectMeta
    spec: Annotated[MLTaskSpec, Field(description="What is to run, and what it needs.")]
    status: Annotated[
        MLTaskStatus, Field(description="What is known of the task. Written by the operator alone.")
    ] = MLTaskStatus()
