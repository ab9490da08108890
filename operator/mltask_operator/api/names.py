"""Names, labels and finalizers of the MLTask API."""

from typing import Final

GROUP: Final = "mltask.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "MLTask"
PLURAL: Final = "mltasks"

MAIN_CONTAINER: Final = "main"
"""The container that `spec.image`, `command`, … describe: the one that runs the task."""

SCRATCH_VOLUME: Final = "scratch"
SCRATCH_PATH: Final = "/mltask/scratch"
"""An empty directory that the steps of a task share; a volume of that name in the template takes
its place."""

TRACKING_FINALIZER: Final = f"{GROUP}/tracking"
"""Held on each Pod of ours until its outcome is durable, so that no ended Pod vanishes unseen."""

TASK_LABEL: Final = f"{GROUP}/task"
TASK_UID_LABEL: Final = f"{GROUP}/task-uid"
ATTEMPT_LABEL: Final = f"{GROUP}/attempt"

HANDED_ON_LABELS: Final = ("kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class")
"""Labels of the MLTask that its Pods get too: Kueue's plain-Pod integration reads them
(https://kueue.sigs.k8s.io/docs/tasks/run/plain_pods/)."""

MAX_TASK_NAME_LENGTH: Final = 63
"""A task's name is a label value on its Pod, and those hold 63 characters."""


def pod_labels(task_name: str, task_uid: str, attempt: int) -> dict[str, str]:
    """Return the labels that the operator sets on the Pod of an attempt."""
    return {TASK_LABEL: task_name, TASK_UID_LABEL: task_uid, ATTEMPT_LABEL: str(attempt)}


def pod_name(task_name: str, task_uid: str, attempt: int) -> str:
    """Return the name of the Pod of one attempt: always the same for the same attempt.

    The API server refuses a second object of the same name, so this name is the lock that keeps
    an attempt from getting two Pods. The first eight characters of the uid tell apart the Pods of
    tasks that were deleted and created again under one name. The whole fits the 63 characters of a
    host name, which a container sees as its own.
    """
    suffix = f"-{task_uid[:8]}-{attempt}"
    return task_name[: 63 - len(suffix)].rstrip("-.") + suffix
