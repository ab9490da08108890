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
        "An attempt ran longer than activeDeadlineSeconds (the task's own, or its template's).",
    )
    POD_FAILURE_POLICY = (
        "PodFailurePolicy",
        "A rule of podFailurePolicy with the action Fail matches the attempt; the message says "
        "which one, and why the attempt ended.",
    )
    STEP_FAILED = (
        "StepFailed",
        "Steps failed; the message names them. In phase Pending: the steps after the failed one go "
        "on in a further allocation (stepFailurePolicy Continue).",
    )
    PENDING_DEADLINE_EXCEEDED = (
        "PendingDeadlineExceeded",
        "The Pod was not running within pendingDeadlineSeconds, and nothing says why. Where "
        "something does, that is the reason instead.",
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
        "A ResourceQuota of the namespace has no room for the Pod, or tasks before this one wait "
        "for it. Tasks are admitted by priority, the oldest first, when room is released.",
    )
    BACKING_OFF = (
        "BackingOff",
        "The last attempt failed; the message says why, and when a further one follows.",
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
    API_SERVER_FAILED = (
        "ApiServerFailed",
        "The API server fails whenever it is to create the Pod, or a webhook that it asks does; "
        "it is tried again.",
    )
    NAMESPACE_TERMINATING = (
        "NamespaceTerminating",
        "The namespace is being deleted, and so no Pod can be made in it.",
    )

    # Pending: the Pod exists and has not started
    SCHEDULING_GATED = (
        "SchedulingGated",
        "The Pod has scheduling gates, for example Kueue's; it is scheduled once they are lifted.",
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "The scheduler finds no node for the Pod; the message is the scheduler's own.",
    )
    UNATTENDED = (
        "Unattended",
        "Nobody has taken up the Pod for half a minute: no scheduler, or not the node that it is "
        "bound to; the message says which one it waits for.",
    )
    CONTAINER_CREATING = (
        "ContainerCreating",
        "The Pod has a node, which prepares its containers: it mounts volumes and pulls images.",
    )
    INITIALIZING = "Initializing", "The init containers of the template run."
    ERR_IMAGE_PULL = "ErrImagePull", "An image could not be pulled; the node tries again."
    IMAGE_PULL_BACK_OFF = (
        "ImagePullBackOff",
        "An image could not be pulled; the node waits before it tries again.",
    )
    ERR_IMAGE_NEVER_PULL = (
        "ErrImageNeverPull",
        "An image is not on the node, and imagePullPolicy Never forbids to pull it.",
    )
    INVALID_IMAGE_NAME = "InvalidImageName", "The name of an image cannot be read."
    CREATE_CONTAINER_CONFIG_ERROR = (
        "CreateContainerConfigError",
        "A container cannot be configured, for example because a ConfigMap or Secret that it takes "
        "variables from does not exist (yet).",
    )
    CREATE_CONTAINER_ERROR = "CreateContainerError", "The container runtime refuses a container."

    # Pending: an attempt has ended, and a further one follows
    ATTEMPT_IGNORED = (
        "AttemptIgnored",
        "A rule of podFailurePolicy with the action Ignore matches the attempt.",
    )
    MEMORY_INCREASED = (
        "MemoryIncreased",
        "The attempt ran out of memory, and the next one asks for more (onOutOfMemory).",
    )
    POD_EVICTED = "PodEvicted", "The Pod was evicted from its node."
    POD_PREEMPTED = "PodPreempted", "The scheduler removed the Pod for one of higher priority."
    POD_DELETED = "PodDeleted", "Somebody else deleted the Pod before the task had ended."
    POD_REJECTED = (
        "PodRejected",
        "The node's kubelet rejected the Pod before any container had started.",
    )
    NODE_LOST = "NodeLost", "The Pod's node was deleted, unreachable or shut down."

    # Any phase but the final ones
    NODE_UNREACHABLE = (
        "NodeUnreachable",
        "The Pod was told to end and its node does not confirm it; the task goes on once the node "
        "does, or its Node object is deleted, or the Pod is deleted by force.",
    )

    # Suspended
    SUSPENDED = "Suspended", "spec.suspend is true."
    RESUMED = "Resumed", "spec.suspend is false again (in the condition Suspended alone)."
