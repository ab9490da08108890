"""What is known of one task at one moment: a single immutable value that `decide` judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mltask_operator.api.names import MAIN_CONTAINER
from mltask_operator.api.status import MLTaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An MLTask as the API server last showed it."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    is_being_deleted: bool
    is_understood: bool
    """Whether the status is one that this version knows; a later one may have written others."""
    status: MLTaskStatus
    spec: Mapping[str, Any] | None
    """The spec as JSON; None once the task is finished, when nothing needs it any more."""

    @property
    def settled_attempts(self) -> int:
        """How many attempts have an end that is durable in status."""
        if self.status.is_finished:
            return self.status.attempts
        return self.status.history[-1].attempt if self.status.history else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a Pod, with how far it has come."""

    name: str
    is_running: bool = False
    is_terminated: bool = False
    exit_code: int | None = None
    reason: str | None = None
    message: str | None = None
    """The termination message: what the container wrote to its termination log, or its log tail."""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class PodPhase(StrEnum):
    """The phase that the kubelet reports."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A Pod of a task, reduced to what its life depends on."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    attempt: int
    is_genuine: bool
    """Whether its name is that of its attempt; a copy of a Pod under another name has the labels,
    the owner and the finalizer all the same."""
    is_owned: bool
    """Whether it still has the task as its owner; `kubectl delete --cascade=orphan` cuts that."""
    is_held: bool
    """Whether it carries the tracking finalizer."""
    phase: PodPhase
    node_name: str | None = None
    reason: str | None = None
    message: str | None = None
    deletion_asked_at: datetime | None = None
    """When somebody asked for its deletion; None as long as nobody has."""
    was_told_to_end: bool = False
    """Whether it was seen being deleted before it had ended. This order needs no clock; the times
    in the Pod are its node's."""
    disruption: str | None = None
    """The reason of its DisruptionTarget condition, if it has one."""
    init_containers: tuple[Container, ...] = ()
    containers: tuple[Container, ...] = ()

    @property
    def is_being_deleted(self) -> bool:
        """Whether its deletion was asked for, by us or by others."""
        return self.deletion_asked_at is not None

    @property
    def has_ended(self) -> bool:
        """Whether its phase is final."""
        return self.phase in (PodPhase.SUCCEEDED, PodPhase.FAILED)

    @property
    def is_running(self) -> bool:
        """Whether the kubelet has started its containers and they have not all ended."""
        return self.phase is PodPhase.RUNNING

    @property
    def main(self) -> Container | None:
        """The container that runs the task; None until the kubelet reports it."""
        return next((c for c in self.containers if c.name == MAIN_CONTAINER), None)


class RefusalKind(StrEnum):
    """What sort of "no" the API server gave to the creation of a Pod."""

    INVALID = "Invalid"
    FORBIDDEN = "Forbidden"
    QUOTA = "Quota"
    NAME_TAKEN = "NameTaken"
    NOT_PERMITTED = "NotPermitted"
    NO_SERVICE_ACCOUNT = "NoServiceAccount"
    NAMESPACE_TERMINATING = "NamespaceTerminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The API server's last answer to the creation of the task's next Pod, where that was no."""

    kind: RefusalKind
    message: str
    at: datetime
    count: int = 1
    """How many times in a row it was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a Pod says it is: enough to ask the API server whether that task still exists."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """All that is known of one task: the newest state of itself and of its Pods."""

    owner: Owner
    task: Task | None
    """None when the task is gone, or was never seen."""
    is_task_gone: bool = False
    """Whether the API server said that the task does not exist (any more)."""
    pods: tuple[Pod, ...] = ()
    """The Pods that exist and bear its labels, oldest attempt first; one of them at most is
    genuine."""
    refusal: Refusal | None = None
    changed_at: datetime | None = None
    """When the operator first saw the present Pod in its present phase, by the operator's clock."""
