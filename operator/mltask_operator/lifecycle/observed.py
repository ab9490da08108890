"""What is known of one task at one moment: a single immutable value that `decide` judges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import MLTaskStatus
from mltask_operator.lifecycle.quota_demand import NO_DEMAND, Demand
from mltask_operator.lifecycle.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An MLTask as the API server last showed it."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created_at: datetime
    is_being_deleted: bool
    status: MLTaskStatus
    """Of a finished task only its phase and reason and how many attempts there were."""
    requests: Mapping[str, str]
    """The requests of spec.resources, as quantities; empty once the task is finished."""
    demand: Demand = NO_DEMAND
    """What ResourceQuotas look at in the task's Pods. A finished task has none."""
    rules: Rules
    asked_memory: int | None = None
    """The memory in bytes that status says the task asks for, where its rules let it grow."""
    handed_on_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the task that its Pods bear too."""
    finished_at: datetime | None = None
    """When the outcome was recorded, by the operator's clock; None before that."""
    unknown: str | None = None
    """What in spec or status this version does not know, if a later version wrote it. Then nothing
    of both is read."""

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

    @property
    def has_started(self) -> bool:
        """Whether it runs or ran."""
        return self.is_running or self.is_terminated


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a Pod that has not started waits for, in the words of status.reason."""

    reason: Reason
    message: str | None = None


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
    created_at: datetime
    attempt: int
    is_genuine: bool
    """Whether its name is that of its attempt; a copy of a Pod under another name has the labels,
    the owner and the finalizer all the same."""
    is_owned: bool
    """Whether it still has the task as its owner; `kubectl delete --cascade=orphan` cuts that."""
    is_held: bool
    """Whether it carries the tracking finalizer."""
    is_doubtful: bool = False
    """Whether a watch or listing lacks it, though the operator has not released it: it is gone, or
    someone removed the label that these select on."""
    is_removal_shown: bool = False
    """Whether a watch has shown its removal, which is certain once its name was read."""
    phase: PodPhase
    node_name: str | None = None
    reason: str | None = None
    message: str | None = None
    scheduled_at: datetime | None = None
    """When it was bound to its node, and so was given what it requests."""
    waiting: Waiting | None = None
    """What it waits for, where its conditions or containers say."""
    deletion_asked_at: datetime | None = None
    """When somebody asked for its deletion; None as long as nobody has."""
    deletion_grace: timedelta = timedelta(0)
    """How long it may take to end. 0 where it was deleted by force, or has no grace period."""
    is_deleted_by_force: bool = False
    """Whether its deletion gives it no time although its spec does."""
    was_told_to_end: bool = False
    """Whether it was seen being deleted before it had ended. This order needs no clock; the times
    in the Pod are its node's."""
    disruption: str | None = None
    """The reason of its DisruptionTarget condition, if it has one."""
    disrupted_at: datetime | None = None
    """Since when it has that condition."""
    conditions: tuple[tuple[str, str], ...] = ()
    """Types and statuses of all its conditions."""
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
    def standing(self) -> tuple[object, ...]:
        """What about it must stand for a while before it is worth telling."""
        has_started = any(c.has_started for c in (*self.init_containers, *self.containers))
        return self.phase, self.waiting and self.waiting.reason, has_started

    def named(self, names: Iterable[str]) -> list[Container]:
        """Return those of the named containers that the kubelet reports, in the names' order."""
        return [found for name in names if (found := self.container(name)) is not None]

    def container(self, name: str) -> Container | None:
        """Return the container or init container of this name, once the kubelet reports it."""
        everyone = (*self.containers, *self.init_containers)
        return next((c for c in everyone if c.name == name), None)


class RefusalKind(StrEnum):
    """What sort of "no" the API server gave to the creation of a Pod."""

    INVALID = "Invalid"
    FORBIDDEN = "Forbidden"
    QUOTA = "Quota"
    NAME_TAKEN = "NameTaken"
    NOT_PERMITTED = "NotPermitted"
    NO_SERVICE_ACCOUNT = "NoServiceAccount"
    NAMESPACE_TERMINATING = "NamespaceTerminating"
    SERVER_FAILED = "ServerFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaExcess:
    """What a refused Pod asked too much of."""

    quota: str
    """Name of the ResourceQuota."""
    resources: frozenset[str]
    """Those of its resources that have no room, for example pods or requests.cpu."""
    never_fits: bool
    """Whether the Pod asks for more than the quota holds in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The API server's last answer to the creation of the task's next Pod, where that was no."""

    kind: RefusalKind
    message: str
    at: datetime
    count: int = 1
    """How many times in a row it was refused, since quota was last released for it."""
    excess: QuotaExcess | None = None
    """What it asked too much of, where a quota refused it and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The task that a Pod belongs to: enough to ask the API server whether it still exists."""

    namespace: str
    name: str
    uid: str

    @property
    def is_nobody(self) -> bool:
        """Whether no such task can exist: the Pod's claim is not even a possible name."""
        return not self.name


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
    behind: str | None = None
    """Why the task must not ask for quota yet: others of its namespace come first. None where it
    may."""
    changed_at: datetime | None = None
    """When the operator first saw the present Pod in its present phase, waiting for what it waits
    for, by the operator's clock."""
    reported_at: datetime | None = None
    """When the operator last wrote the task's status, by its clock; None where it has not."""
    is_crowded: bool = False
    """Whether other tasks wait for the operator to come to them."""
