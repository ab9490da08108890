"""Why a task is in its phase: the values of `status.reason`, part of the API.

Each value says a fact in CamelCase, as Kubernetes reasons do. The text behind a value is its
documentation: docs/reference.md is generated from it.
"""

from enum import StrEnum


class Reason(StrEnum):
    """A value of `status.reason`, with what it means."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Reason":
        """Make a member that is the string `value` and carries its meaning."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # Succeeded
    COMPLETED = "Completed", "Every container of the Pod ended with exit code 0."

    # Failed
    CONTAINER_FAILED = (
        "ContainerFailed",
        "A container ended with a non-zero exit code; the message names it.",
    )
    OOM_KILLED = "OOMKilled", "A container was killed because it used more memory than its limit."
    STORAGE_LIMIT_EXCEEDED = (
        "StorageLimitExceeded",
        "The Pod used more local storage than its limits (ephemeral-storage, or the sizeLimit of "
        "a volume), and its node evicted it for that.",
    )
    CONTAINER_START_FAILED = (
        "ContainerStartFailed",
        "The container runtime could not start a container, for example because its command is "
        "not in the image.",
    )
    DEADLINE_EXCEEDED = (
        "DeadlineExceeded",
        "The Pod ran longer than the activeDeadlineSeconds of its template.",
    )
    POD_FAILED = (
        "PodFailed",
        "The Pod failed and no container says why; the message has what is known.",
    )
    INVALID_TEMPLATE = (
        "InvalidTemplate",
        "The API server refused the Pod as invalid; the message is its own.",
    )
    POD_FORBIDDEN = (
        "PodForbidden",
        "Admission refused the Pod, for example Pod Security or a LimitRange; the message is the "
        "API server's own.",
    )

    # Pending: no Pod could be made yet
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "A ResourceQuota of the namespace has no room for the Pod; it is tried again.",
    )
    POD_NAME_TAKEN = (
        "PodNameTaken",
        "A Pod that is not the operator's holds the name of this task's Pod; it is tried again.",
    )
    OPERATOR_FORBIDDEN = (
        "OperatorForbidden",
        "The operator's own service account may not create Pods here; it is tried again.",
    )
    SERVICE_ACCOUNT_NOT_FOUND = (
        "ServiceAccountNotFound",
        "The Pod's service account does not exist (yet); it is tried again.",
    )
    NAMESPACE_TERMINATING = (
        "NamespaceTerminating",
        "The namespace is being deleted, and so no Pod can be made in it.",
    )

    # Pending: the last attempt was disrupted, and a further one follows
    POD_EVICTED = "PodEvicted", "The Pod was evicted from its node."
    POD_PREEMPTED = "PodPreempted", "The scheduler removed the Pod for one of higher priority."
    POD_DELETED = "PodDeleted", "Somebody else deleted the Pod before the task had ended."
    POD_REJECTED = (
        "PodRejected",
        "The node's kubelet rejected the Pod before any container had started.",
    )
    NODE_LOST = "NodeLost", "The Pod's node was deleted, unreachable or shut down."
