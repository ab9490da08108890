"""How an attempt ended, read off its Pod: from outside, or else by itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from mltask_operator.api.names import MAIN_CONTAINER
from mltask_operator.api.reasons import Reason
from mltask_operator.lifecycle.disruption import disruption_of
from mltask_operator.lifecycle.endings import Ending, EndingKind
from mltask_operator.lifecycle.observed import Container, Pod, PodPhase
from mltask_operator.lifecycle.work import is_done


def how_it_ended(
    pod: Pod, now: datetime, names: Sequence[str] = (MAIN_CONTAINER,)
) -> Ending | None:
    """Return how the Pod's attempt ended, or None as long as it has not.

    `names` are those of the containers that run the task, in the order in which they run. `now`
    stands in for the time of the end where the Pod holds none.
    """
    own = pod.named(names)
    if (pod.has_ended or pod.is_being_deleted) and is_done(pod, own, names[-1]):
        # Nothing repeats finished work, whatever happened to the other containers or to the Pod.
        everyone = pod.phase is PodPhase.SUCCEEDED
        at = _last_end(pod.containers if everyone else own) or pod.deletion_asked_at or now
        return _with_evidence(_has_succeeded(pod, at, own), own)
    at = _finished_at(pod, names) or pod.deletion_asked_at or now
    failed = _failed(pod, own)
    ending = disruption_of(pod, at, now, failed)
    if ending is None and pod.phase is PodPhase.SUCCEEDED:
        ending = _has_succeeded(pod, at, own)
    elif ending is None and pod.has_ended:
        ending = _has_failed(pod, at, own, failed)
    return ending and _with_evidence(ending, own)


def _with_evidence(ending: Ending, own: Sequence[Container]) -> Ending:
    """Add when the task's own containers began and, where nothing else is known, how they ended."""
    started = [container.started_at for container in own if container.started_at]
    last = next((container for container in reversed(own) if container.is_terminated), None)
    if ending.exit_code is None and ending.output is None and last is not None:
        ending = replace(ending, exit_code=last.exit_code, output=last.message)
    return replace(ending, started_at=min(started, default=None))


def _has_succeeded(pod: Pod, at: datetime, own: Sequence[Container]) -> Ending:
    last = own[-1] if own else None
    return Ending(
        kind=EndingKind.SUCCEEDED,
        reason=Reason.COMPLETED,
        message=_how_it_succeeded(pod, own),
        at=at,
        exit_code=last.exit_code if last else None,
        output=last.message if last else None,
    )


def _how_it_succeeded(pod: Pod, own: Sequence[Container]) -> str:
    others = [c.name for c in pod.containers if c not in own and c.exit_code != 0]
    if not others:
        return "every container ended with exit code 0"
    done = " and ".join(container.name for container in own)
    return f"{done} ended with exit code 0, and other containers did not: {', '.join(others)}"


def _has_failed(
    pod: Pod, at: datetime, own: Sequence[Container], failed: Sequence[Container]
) -> Ending:
    culprit = failed[0] if failed else None
    reason, message = _why(pod, culprit, own)
    return Ending(
        kind=EndingKind.FAILED,
        reason=reason,
        message=message,
        at=at,
        exit_code=culprit.exit_code if culprit else None,
        output=culprit.message if culprit else None,
    )


def _why(pod: Pod, culprit: Container | None, own: Sequence[Container]) -> tuple[Reason, str]:
    if pod.reason == "DeadlineExceeded":
        return Reason.DEADLINE_EXCEEDED, pod.message or "the Pod's activeDeadlineSeconds has passed"
    if culprit is None:
        return Reason.POD_FAILED, pod.message or pod.reason or "the Pod failed without a word"
    is_templates = culprit in pod.init_containers and culprit not in own
    kind = "init container" if is_templates else "container"
    if culprit.reason == "OOMKilled":
        return Reason.OOM_KILLED, (
            f"{kind} {culprit.name} used more memory than its limit and was killed"
            f" (exit code {culprit.exit_code})"
        )
    if culprit.reason == "StartError":
        return Reason.CONTAINER_START_FAILED, (
            f"{kind} {culprit.name} could not start: {culprit.message or culprit.reason}"
        )
    return Reason.CONTAINER_FAILED, (
        f"{kind} {culprit.name} ended with exit code {culprit.exit_code}"
    )


def _failed(pod: Pod, own: Sequence[Container]) -> list[Container]:
    """Return the containers that failed the Pod: the task's own, else others, else init ones.

    Init containers come last: one that failed kept main from running, and one that runs beside main
    (a native sidecar) ends with whatever code SIGTERM gave it.
    """
    for group in (own, pod.containers, pod.init_containers):
        if failed := [container for container in group if container.exit_code]:
            return failed
    everyone = (*own, *pod.containers, *pod.init_containers)
    return [container for container in everyone if container.reason == "OOMKilled"][:1]


def _last_end(containers: Sequence[Container]) -> datetime | None:
    return max((c.finished_at for c in containers if c.finished_at), default=None)


def _finished_at(pod: Pod, names: Sequence[str]) -> datetime | None:
    """Return when the last of its containers ended, sidecars aside, or the init container failed.

    None where that is not known of all of them.
    """
    ends = [c.finished_at for c in pod.containers if c.is_terminated]
    if ends and len(ends) == len(pod.containers):
        return _last_end(pod.containers)
    failed = [c for c in pod.init_containers if c.exit_code and c.finished_at]
    own = [c for c in failed if c.name in names]
    return _last_end(own or failed)
