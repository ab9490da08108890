"""The MLTask resource `mltask.dev/v1alpha1`: the models that the CRD is generated from.

Shapes that Kubernetes has already (environment, resources, Pods) are the `kubernetes` package's
own pydantic models, so that an MLTask accepts what a Pod accepts.
"""

from typing import Annotated

from kubernetes.client.models import (
    V1EnvFromSource,
    V1EnvVar,
    V1ObjectMeta,
    V1PodSpec,
    V1ResourceRequirements,
)
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mltask_operator.api import names
from mltask_operator.api.status import MLTaskStatus


class SpecModel(BaseModel):
    """A part of the spec: unknown fields are refused, since they are most likely misspelt."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid")


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
        Field(
            description="As in a Pod. A container named main is overlaid by the short fields; "
            "without one, main is put before the others. The task ends when all its containers "
            "have ended, so a sidecar belongs into initContainers, with restartPolicy Always. "
            "The Pod's own restartPolicy is always Never."
        ),
    ] = None


class MLTaskSpec(SpecModel):
    """What is to run, and what it needs. It cannot be changed once the MLTask is there."""

    image: Annotated[str, Field(min_length=1, description="Container image of the task.")]
    command: Annotated[
        list[str] | None, Field(description="Entrypoint; the image's own where it is absent.")
    ] = None
    args: Annotated[
        list[str] | None,
        Field(description="Arguments of the entrypoint; the image's own where it is absent."),
    ] = None
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
