"""MLTasks from Python: build one, submit it, wait for its end, read its result.

`Client` is for programs that do one thing after another, `AsyncClient` for those of asyncio. The
models are the operator's own: what they accept is what the API server accepts.
"""

from kubernetes.client.models import V1EnvVar, V1ObjectMeta, V1ResourceRequirements

from mltask.aio import AsyncClient
from mltask.errors import (
    AlreadyFinished,
    ClientClosed,
    MLTaskError,
    NoCredentials,
    NotFinished,
    Refused,
    StillOpen,
    TaskFailed,
    TaskGone,
    Unreachable,
    Unreadable,
)
from mltask.patience import Patience
from mltask.sync import Client
from mltask.tasks import from_json, new_task, retry_of, to_json
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus, Phase, StepPhase
from mltask_operator.api.v1alpha1 import MLTask, MLTaskSpec, PodTemplate, Step

__all__ = [
    "AlreadyFinished",
    "AsyncClient",
    "Client",
    "ClientClosed",
    "MLTask",
    "MLTaskError",
    "MLTaskSpec",
    "MLTaskStatus",
    "NoCredentials",
    "NotFinished",
    "Patience",
    "Phase",
    "PodTemplate",
    "Reason",
    "Refused",
    "Step",
    "StepPhase",
    "StillOpen",
    "TaskFailed",
    "TaskGone",
    "Unreachable",
    "Unreadable",
    "V1EnvVar",
    "V1ObjectMeta",
    "V1ResourceRequirements",
    "from_json",
    "new_task",
    "retry_of",
    "to_json",
]
