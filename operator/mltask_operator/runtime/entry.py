"""What the store knows of one task and its Pods."""

from dataclasses import dataclass, field
from datetime import datetime

from mltask_operator.lifecycle.observed import Owner, Pod, Refusal, Task


@dataclass(slots=True)
class Entry:
    """One task, by its uid."""

    owner: Owner
    task: Task | None = None
    is_task_gone: bool = False
    is_watched: bool = False
    pods: dict[str, Pod] = field(default_factory=dict)
    unshown: dict[str, int] = field(default_factory=dict)
    """Uids of objects that an answer to us said are gone, until the watch shows it too: an event
    from before their removal may still come. With each, the listing round it was noted in."""
    refusal: Refusal | None = None
    standing: tuple[object, ...] = ()
    reported_at: datetime | None = None
    changed_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is of a task that has finished, and is to stay as it is."""
        return (
            self.task is not None
            and self.task.status.is_finished
            and self.task.rules.ttl is None
            and not self.pods
        )

    @property
    def is_void(self) -> bool:
        return self.task is None and not self.pods and not self.unshown
