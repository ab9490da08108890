"""Objects as the API server sends them (JSON), as the values that the lifecycle judges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from mltask_operator.api import names
from mltask_operator.api.status import FINAL_PHASES, MLTaskStatus, Phase
from mltask_operator.kube import paths
from mltask_operator.kube.containers import containers_from
from mltask_operator.kube.deletions import deletion_asked_at, is_deleted_by_force
from mltask_operator.kube.quantities import whole
from mltask_operator.kube.slim import OMITTED
from mltask_operator.kube.spec import requests_from, rules_from
from mltask_operator.kube.times import bounded_seconds, optional_time, time_from
from mltask_operator.kube.waiting import waiting_from
from mltask_operator.lifecycle.observed import Owner, Pod, PodPhase, Task
from mltask_operator.lifecycle.quota_demand import NO_DEMAND, Demand, demand_of_task, from_json
from mltask_operator.lifecycle.rules import Rules

Json = Mapping[str, Any]

_NO_LABELS: Mapping[str, str] = MappingProxyType({})
_NO_REQUESTS: Mapping[str, str] = MappingProxyType({})
_NEW_STATUS = MLTaskStatus()
_NEW = {"phase": Phase.PENDING.value}
"""The status of a task that nobody has written: all such tasks share one value."""


def task_from(body: Json) -> Task:
    """Return the task that an MLTask object describes.

    What this version does not know in spec or status is named in the task's `unknown`. Raise
    KeyError, TypeError or ValueError if the object has no usable metadata.
    """
    try:
        return _understood(body, body.get("spec") or {}, _status(body.get("status") or {}))
    except Exception as error:  # whatever a later version wrote: the task is left alone
        return replace(_understood(body, {}, _NEW_STATUS), unknown=_why(error))


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"{type(error).__name__}: {error}"


def _understood(body: Json, spec: Json, status: MLTaskStatus) -> Task:
    metadata, rules = body["metadata"], rules_from(spec)
    task = Task(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 1),
        created_at=created_at(body),
        is_being_deleted="deletionTimestamp" in metadata,
        status=status,
        requests=requests_from(spec),
        demand=NO_DEMAND if status and status.is_finished else _demand(body),
        rules=rules,
        asked_memory=_asked_memory(status) if rules.memory else None,
        handed_on_labels=_handed_on(metadata.get("labels") or {}),
    )
    return _as_finished(task) if task.status.is_finished else task


def created_at(body: Json) -> datetime:
    """Return when an object was created, by the API server's clock."""
    return time_from(body["metadata"]["creationTimestamp"])


def is_finished(body: Json) -> bool:
    """Whether the outcome of an MLTask object is recorded."""
    return (body.get("status") or {}).get("phase") in FINAL_PHASES


def owner_from(pod_body: Json) -> Owner | None:
    """Return the task that a Pod says it belongs to; None where it isn't one of ours.

    Its controller reference decides. Labels, which anyone may change, count only where there is
    none: then a user deleted the task with --cascade=orphan. A claim that no task can fulfil, such
    as an owner named `x/y`, is answered with an owner that does not exist.
    """
    metadata = pod_body["metadata"]
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            if (reference["apiVersion"], reference["kind"]) != (names.API_VERSION, names.KIND):
                return None
            return _owner(metadata, reference["name"], reference["uid"])
    labels = metadata.get("labels") or {}
    if names.TASK_LABEL not in labels or names.TASK_UID_LABEL not in labels:
        return None
    return _owner(metadata, labels[names.TASK_LABEL], labels[names.TASK_UID_LABEL])


def nobody(pod_body: Json) -> Owner:
    """Return the owner of a Pod that belongs to no task: it has no name, and the Pod's own uid."""
    metadata = pod_body["metadata"]
    return Owner(namespace=metadata["namespace"], name="", uid=metadata["uid"])


def _owner(metadata: Json, name: str, uid: str) -> Owner:
    if len(name) <= names.MAX_TASK_NAME_LENGTH and paths.is_name(name) and paths.is_uid(uid):
        return Owner(namespace=metadata["namespace"], name=name, uid=uid)
    return nobody({"metadata": metadata})


def pod_from(body: Json, owner: Owner) -> Pod:
    """Return the Pod that a Pod object of this owner describes."""
    metadata, status = body["metadata"], body.get("status") or {}
    name: str = metadata["name"]
    conditions: list[Json] = status.get("conditions") or []
    disruption = _true(conditions, "DisruptionTarget")
    scheduled = _true(conditions, "PodScheduled")
    number = name.rpartition("-")[2]
    attempt = int(number) if number.isdecimal() else 0
    return Pod(
        namespace=metadata["namespace"],
        name=name,
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        created_at=created_at(body),
        attempt=attempt,
        is_genuine=name == names.pod_name(owner.name, owner.uid, attempt),
        is_owned=is_owned_by(body, owner.uid),
        is_held=names.TRACKING_FINALIZER in (metadata.get("finalizers") or ()),
        phase=_phase(status.get("phase")),
        node_name=(body.get("spec") or {}).get("nodeName"),
        reason=status.get("reason"),
        message=status.get("message"),
        scheduled_at=optional_time(scheduled.get("lastTransitionTime")),
        waiting=waiting_from(body.get("spec") or {}, status),
        deletion_asked_at=deletion_asked_at(metadata),
        deletion_grace=bounded_seconds(metadata.get("deletionGracePeriodSeconds") or 0),
        is_deleted_by_force=is_deleted_by_force(body),
        disruption=disruption.get("reason"),
        disrupted_at=optional_time(disruption.get("lastTransitionTime")),
        conditions=tuple((c["type"], c["status"]) for c in conditions),
        init_containers=containers_from(status.get("initContainerStatuses") or ()),
        containers=containers_from(status.get("containerStatuses") or ()),
    )


def is_labelled(body: Json) -> bool:
    """Whether the Pod bears the label by which it is watched."""
    return names.TASK_UID_LABEL in (body["metadata"].get("labels") or {})


def is_owned_by(body: Json, task_uid: str) -> bool:
    """Whether the object's controller is the MLTask of this uid."""
    return any(
        reference["uid"] == task_uid and reference.get("controller", False)
        for reference in body["metadata"].get("ownerReferences") or ()
    )


def is_removed(body: Json) -> bool:
    """Whether an object, as a write of ours left it, has gone from the API server with that write.

    The API server removes an object that is being deleted once it has no finalizer and no grace
    period left; the answer to the write that did it is the object's last state.
    """
    metadata = body["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
    )


def version_of(body: Json) -> int:
    """Return the resourceVersion as a number: these compare as integers since Kubernetes 1.35."""
    return int(body["metadata"]["resourceVersion"])


def _handed_on(labels: Mapping[str, str]) -> Mapping[str, str]:
    found = {label: labels[label] for label in names.HANDED_ON_LABELS if label in labels}
    return found or _NO_LABELS


def _demand(body: Json) -> Demand:
    omitted = body.get(OMITTED)
    return from_json(omitted) if omitted else demand_of_task(body.get("spec") or {})


def _status(status: Json) -> MLTaskStatus:
    return _NEW_STATUS if status == _NEW else MLTaskStatus.model_validate(status)


def _as_finished(task: Task) -> Task:
    """Return the task without what nobody asks of it any more: there may be tens of thousands."""
    return replace(
        task,
        status=_outcome(task.status.phase, task.status.reason, task.status.attempts),
        finished_at=task.status.finished_at,
        requests=_NO_REQUESTS,
        rules=_expiry(task.rules.ttl),
        asked_memory=None,
        handed_on_labels=_NO_LABELS,
    )


@lru_cache
def _outcome(phase: Phase, reason: str | None, attempts: int) -> MLTaskStatus:
    return MLTaskStatus(phase=phase, reason=reason, attempts=attempts)


@lru_cache
def _expiry(ttl: timedelta | None) -> Rules:
    return Rules(ttl=ttl)


def _phase(phase: str | None) -> PodPhase:
    try:
        return PodPhase(phase or PodPhase.PENDING)
    except ValueError:
        return PodPhase.UNKNOWN


def _true(conditions: Sequence[Json], kind: str) -> Json:
    """Return the condition of this type if it holds, else an empty one."""
    return next((c for c in conditions if c["type"] == kind and c["status"] == "True"), {})


def _asked_memory(status: MLTaskStatus) -> int | None:
    if status.allocation is None:
        return None
    memory = status.allocation.requests.get("memory")
    return whole(memory) if memory is not None else None
