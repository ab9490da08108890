"""MLTasks as Python objects: to build, to write as JSON, to read. No I/O."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kubernetes.client.models import V1EnvVar, V1ObjectMeta, V1ResourceRequirements

from mltask import lenient
from mltask_operator.api.names import MAX_TASK_NAME_LENGTH
from mltask_operator.api.status import Phase
from mltask_operator.api.v1alpha1 import MLTask, MLTaskSpec

Json = dict[str, Any]

RETRY_OF_ANNOTATION = "mltask.dev/retry-of"
"""On a task that `retry_of` made: the name of the one that it repeats."""

_RETRY = re.compile(r"(?P<base>.+)-r(?P<number>[1-9][0-9]{0,4})")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def new_task(
    name: str,
    image: str,
    command: Sequence[str] = (),
    *,
    requests: Mapping[str, str | int],
    env: Mapping[str, str] | None = None,
    **spec: Any,
) -> MLTask:
    """Return an MLTask that can be submitted.

    A name that ends with `-` is completed by the API server. `requests` is the task's allocation,
    by resource, as in `{"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": 1}`; it needs cpu or
    memory. `spec` holds any other field of MLTaskSpec. Raises pydantic's ValidationError, which
    names the field.
    """
    is_prefix = name.endswith("-")
    return MLTask(
        metadata=V1ObjectMeta(generate_name=name) if is_prefix else V1ObjectMeta(name=name),
        spec=MLTaskSpec(
            image=image,
            command=list(command) or None,
            env=[V1EnvVar(name=key, value=value) for key, value in (env or {}).items()] or None,
            resources=V1ResourceRequirements(
                requests={resource: str(amount) for resource, amount in requests.items()}
            ),
            **spec,
        ),
    )


def to_json(task: MLTask) -> Json:
    """Return the MLTask as a manifest: without its status, which is the operator's to write."""
    manifest: Json = task.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude={"status"}
    )
    return manifest


def from_json(body: Mapping[str, Any]) -> MLTask:
    """Return the MLTask that the API server sent.

    Values that only a newer version knows are left out. An unknown phase stays, as an escaped word
    that equals no member of Phase. Raises pydantic's ValidationError for what is no MLTask.
    """
    return lenient.read(body)


def has_ended(task: MLTask) -> bool:
    """Return whether the outcome is recorded, also one that only a newer version knows."""
    status = task.status
    is_known = status.phase in list(Phase)
    return status.is_finished or (not is_known and status.completion_time is not None)


def retry_of(task: MLTask) -> MLTask:
    """Return a new MLTask that repeats this one: `retry_manifest` as an object."""
    return MLTask.model_validate(retry_manifest(to_json(task)))


def retry_manifest(body: Mapping[str, Any]) -> Json:
    """Return the manifest of a new MLTask that repeats this one, as the API server sent it.

    A finished MLTask never runs again, so this is another one, with the same spec, labels and
    annotations, also where this version does not know a field. It is named after the first: train,
    train-r1, train-r2. If two clients retry the same task at once, the API server refuses one.
    """
    old = body["metadata"]
    name = old.get("name") or ""
    annotations = {k: v for k, v in (old.get("annotations") or {}).items() if k != _LAST_APPLIED}
    metadata = {
        "name": _next_name(name),
        "namespace": old.get("namespace"),
        "labels": old.get("labels"),
        "annotations": {**annotations, RETRY_OF_ANNOTATION: name},
    }
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {key: value for key, value in metadata.items() if value is not None},
        "spec": {k: copy.deepcopy(v) for k, v in body["spec"].items() if k != "suspend"},
    }


def _next_name(name: str) -> str:
    found = _RETRY.fullmatch(name)
    base, number = (found["base"], int(found["number"])) if found else (name, 0)
    suffix = f"-r{number + 1}"
    return base[: MAX_TASK_NAME_LENGTH - len(suffix)].rstrip("-.") + suffix
