"""What the operator itself told a running Pod: to end, since the task is suspended or out of time.

The order is recorded in status before the Pod is deleted, so that its end, whenever it comes and
whoever sees it, is known for what it is and not taken for somebody else's deletion.
"""

from dataclasses import replace

from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import Phase
from mltask_operator.lifecycle.deadlines import too_long_active
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Pod, Task


def is_out_of_time(task: Task) -> bool:
    """Whether status says that the present attempt has run for too long, and so is to end."""
    status = task.status
    return status.phase is Phase.RUNNING and status.reason == Reason.DEADLINE_EXCEEDED


def is_told_to_end(task: Task) -> bool:
    """Whether status says that the Pod is to end, whatever it is doing."""
    return task.status.phase is Phase.SUSPENDED or is_out_of_time(task)


def as_ordered(task: Task, pod: Pod, ending: Ending) -> Ending:
    """Return the ending of the task's Pod with its true cause, where that is an order of ours."""
    if ending.kind is not EndingKind.DISRUPTED or not pod.is_being_deleted:
        return ending
    if task.status.phase is Phase.SUSPENDED:
        return replace(
            ending,
            kind=EndingKind.SUSPENDED,
            reason=Reason.SUSPENDED,
            message="ended since the task was suspended",
        )
    if is_out_of_time(task):
        return replace(
            ending,
            kind=EndingKind.FAILED,
            reason=Reason.DEADLINE_EXCEEDED,
            message=too_long_active(task),
        )
    return ending
