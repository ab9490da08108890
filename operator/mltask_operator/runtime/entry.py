"""What the store knows of one task and its Pods."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from mltask_operator.lifecycle.observed import Owner, Pod, Refusal, Task


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete, consistent listing: the uids in it, and its resourceVersion."""

    uids: frozenset[str]
    version: int


@dataclass(slots=True)
class Entry:
    """One task, by its uid."""

    owner: Owner
    task: Task | None = None
    spec: bytes | None = None
    """The task's spec as JSON; None where it is too large to keep, or no longer needed."""
    is_task_gone: bool = False
    pods: dict[str, Pod] = field(default_factory=dict)
    unshown: dict[str, int] = field(default_factory=dict)
    """Tombstones: uids of objects that an answer to a write showed to be gone, until the watch
    shows it too. An event from before their removal may still come. The value is the number of the
    relist during which each was noted."""
    refusal: Refusal | None = None
    standing: tuple[object, ...] = ()
    reported_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Whether its task has finished and nothing remains to be done."""
        return (
            self.task is not None
            and self.task.status.is_finished
            and self.task.rules.ttl is None
            and not self.pods
        )

    @property
    def is_void(self) -> bool:
        """Whether it holds nothing that is worth remembering."""
        return self.task is None and not self.pods and not self.unshown

    @property
    def is_unfinished(self) -> bool:
        """Whether its task is not known to be finished or gone."""
        return not self.is_task_gone and (self.task is None or not self.task.status.is_finished)

    def drop_task(self) -> None:
        """Forget the task, which no longer exists."""
        self.task, self.spec, self.is_task_gone = None, None, True

    def doubt_pod(self, uid: str, *, is_shown: bool) -> bool:
        """Mark the Pod of this uid, which a watch or listing lacks, to be read by its name.

        `is_shown` says that a watch has shown its removal. Return False if that is not necessary:
        nothing of ours holds it, or it is unknown.
        """
        pod = self.pods.get(uid)
        if pod is None or self.owner.is_nobody or (pod.is_being_deleted and not pod.is_held):
            return False
        self.pods[uid] = replace(pod, is_doubtful=True, is_removal_shown=is_shown)
        return True

    def drop_unlisted_pods(self, pods: Listing, relist: int, *, verify: bool) -> bool:
        """Drop the Pods that a complete listing didn't show; return whether there were any.

        With `verify`, doubt them instead.
        """
        unlisted = [
            pod
            for pod in self.pods.values()
            if pod.uid not in pods.uids and int(pod.resource_version) <= pods.version
        ]
        for pod in unlisted:
            if verify and self.doubt_pod(pod.uid, is_shown=pod.is_removal_shown):
                continue
            del self.pods[pod.uid]
            self.unshown[pod.uid] = relist
        return bool(unlisted)

    def drop_unlisted_task(self, tasks: Listing, relist: int) -> bool:
        """Drop the task if a complete listing didn't show it; return whether that is so.

        A task that was never seen may be younger than the listing: it is read by its name.
        """
        if (
            self.task is None
            or self.owner.uid in tasks.uids
            or int(self.task.resource_version) > tasks.version
        ):
            return False
        self.drop_task()
        self.unshown[self.owner.uid] = relist
        return True
