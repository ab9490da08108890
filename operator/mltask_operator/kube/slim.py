"""Objects cut down to what the operator needs, so that memory doesn't depend on what users write.

A user's object may have 1.5 MB and take 45 MB as Python objects. The operator slims each object as
soon as it is parsed: Kopf queues slim objects, and the store makes its values from them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.api.status import FINAL_PHASES
from mltask_operator.kube.spec import RULE_FIELDS, TTL_FIELD
from mltask_operator.lifecycle.quota_demand import demand_of_task, to_json

Json = dict[str, Any]
Slimmer = Callable[[Json, int], Json]
"""Takes an object and the length of its JSON in characters; returns the slim object."""

LARGE_TASK = 8 * 1024
"""Length of an MLTask from which on its spec is not kept but read again to create its Pod."""
OMITTED = "omitted"
"""The key in a slim MLTask whose spec was left out for the most part. It holds the task's demand on
quota, as JSON, which depends on the whole spec."""

_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_TASK_LABELS = names.HANDED_ON_LABELS
_POD_LABELS = (names.TASK_LABEL, names.TASK_UID_LABEL)
_CONTAINERS = ("initContainerStatuses", "containerStatuses")


def slimmer_for(path: str) -> Slimmer:
    """Return what slims the objects of a collection with this URL path, for example `…/pods`."""
    return _SLIMMERS.get(path.rpartition("/")[2], _slim_other)


def slim_task(body: Json, length: int) -> Json:
    """Return the MLTask without what the operator never reads, or reads again when it needs it."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    task = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": _metadata(body, _TASK_LABELS),
        "spec": spec,
        "status": status,
    }
    if status.get("phase") in FINAL_PHASES:
        ttl = spec.get(TTL_FIELD)
        task["spec"] = {} if ttl is None else {TTL_FIELD: ttl}
    elif length >= LARGE_TASK or body.get(OMITTED):
        task["spec"] = _part_of_spec(spec)
        task[OMITTED] = body.get(OMITTED) or to_json(demand_of_task(spec))
    return task


def slim_pod(body: Json, _: int = 0) -> Json:
    """Return the Pod without what its life as a task's Pod doesn't depend on."""
    spec, status = body.get("spec") or {}, dict(body.get("status") or {})
    for part in _CONTAINERS:
        if found := status.get(part):
            status[part] = [{"name": c["name"], "state": c.get("state")} for c in found]
    kept = ("phase", "reason", "message", "conditions", *_CONTAINERS)
    metadata = _metadata(body, _POD_LABELS)
    metadata["ownerReferences"] = [
        reference
        for reference in body["metadata"].get("ownerReferences") or ()
        if reference.get("controller")
    ]
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": _only(spec, ("nodeName", "schedulerName", "terminationGracePeriodSeconds")),
        "status": _only(status, kept),
    }


def _slim_other(body: Json, _: int) -> Json:
    metadata = _metadata(body, ())
    return {**_only(body, ("kind", "spec", "status")), "metadata": metadata}


def _metadata(body: Json, labels: Iterable[str]) -> Json:
    whole = body["metadata"]
    metadata = _only(whole, _METADATA)
    metadata["labels"] = _only(whole.get("labels") or {}, labels)
    # Another controller's finalizer holds the object too. One of them is enough to know that.
    metadata["finalizers"] = _finalizers(whole.get("finalizers") or ())
    return metadata


def _finalizers(found: Sequence[str]) -> list[str]:
    ours = [name for name in found if name == names.TRACKING_FINALIZER]
    other = next((name for name in found if name != names.TRACKING_FINALIZER), None)
    return ours if other is None else [*ours, other]


def _part_of_spec(spec: Json) -> Json:
    part = _only(spec, (*RULE_FIELDS, "resources"))
    if part.get("steps"):
        part["steps"] = [{"name": step["name"]} for step in part["steps"]]
    return part


def _only(mapping: Json, keys: Iterable[str]) -> Json:
    return {key: mapping[key] for key in keys if key in mapping}


_SLIMMERS: dict[str, Slimmer] = {names.PLURAL: slim_task, "pods": slim_pod}
