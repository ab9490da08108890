"""The Pod of one attempt, built from the task's spec."""

from collections.abc import Mapping, Sequence
from typing import Any

from mltask_operator.api import names
from mltask_operator.lifecycle import memory, steps
from mltask_operator.lifecycle.observed import Task
from mltask_operator.lifecycle.security import restrict

Json = Mapping[str, Any]

_SHORT_FIELDS = ("image", "command", "args", "workingDir", "envFrom", "resources")


def pod_manifest(task: Task, spec: Json, attempt: int) -> dict[str, Any]:
    """Return the manifest of the Pod that runs this attempt of the task, which has this spec.

    It is the template, with the short fields overlaid on its container `main` (put first where
    the template has none), with what the operator needs: name, labels, owner, finalizer, and
    restricted where the template does not say otherwise.
    """
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    pod_spec = dict(template.get("spec") or {})
    pod_spec["restartPolicy"] = "Never"
    pod_spec["containers"] = _overlaid(
        pod_spec.get("containers") or (), spec, _resources(spec["resources"], task)
    )
    if task.rules.steps:
        _put_steps(pod_spec, task, spec["steps"])
    for part in ("containers", "initContainers"):
        if containers := pod_spec.get(part):
            pod_spec[part] = [_with_log_tail(container) for container in containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(task.name, task.uid, attempt),
            "namespace": task.namespace,
            "labels": {
                **(metadata.get("labels") or {}),
                **task.handed_on_labels,
                **names.pod_labels(task.name, task.uid, attempt),
            },
            "annotations": dict(metadata.get("annotations") or {}),
            "finalizers": [names.TRACKING_FINALIZER],
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": names.KIND,
                    "name": task.name,
                    "uid": task.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": restrict(pod_spec),
    }


def _overlaid(containers: Sequence[Json], spec: Json, resources: Json) -> list[dict[str, Any]]:
    others = [dict(c) for c in containers]
    for container in others:
        if container["name"] == names.MAIN_CONTAINER:
            _overlay(container, {**spec, "resources": resources})
            return others
    main: dict[str, Any] = {"name": names.MAIN_CONTAINER}
    _overlay(main, {**spec, "resources": resources})
    return [main, *others]


def _overlay(container: dict[str, Any], spec: Json) -> None:
    container.update({field: spec[field] for field in _SHORT_FIELDS if field in spec})
    if env := spec.get("env"):
        overridden = {variable["name"] for variable in env}
        kept = [v for v in container.get("env") or () if v["name"] not in overridden]
        container["env"] = [*kept, *env]


def _put_steps(pod_spec: dict[str, Any], task: Task, all_steps: Sequence[Json]) -> None:
    """Put the steps that have not ended in the place of main: all but the last run before it.

    Init containers run one after another, so the Pod requests what the largest of them does, not
    their sum.
    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    left = set(steps.remaining(task))
    main = next(c for c in pod_spec["containers"] if c["name"] == names.MAIN_CONTAINER)
    mounts = main.get("volumeMounts") or ()
    if all(mount["name"] != names.SCRATCH_VOLUME for mount in mounts):
        scratch = {"name": names.SCRATCH_VOLUME, "mountPath": names.SCRATCH_PATH}
        main = {**main, "volumeMounts": [*mounts, scratch]}
    volumes = pod_spec.get("volumes") or ()
    if all(volume["name"] != names.SCRATCH_VOLUME for volume in volumes):
        pod_spec["volumes"] = [*volumes, {"name": names.SCRATCH_VOLUME, "emptyDir": {}}]
    containers = []
    for step in all_steps:
        if step["name"] in left:
            container = {**main, "name": step["name"]}
            _overlay(container, step)
            containers.append(container)
    *before, last = containers
    pod_spec["initContainers"] = [*(pod_spec.get("initContainers") or ()), *before]
    pod_spec["containers"] = [
        last if c["name"] == names.MAIN_CONTAINER else c for c in pod_spec["containers"]
    ]


def _resources(resources: Json, task: Task) -> Json:
    limits = dict(resources.get("limits") or {})
    requests = {name: str(amount) for name, amount in resources["requests"].items()}
    requests |= memory.requests(task)
    for name, quantity in resources["requests"].items():
        if _must_equal_its_limit(name):
            limits.setdefault(name, quantity)
    if (limit := memory.limit(task)) is not None:
        limits["memory"] = limit
    return {**resources, "requests": requests, **({"limits": limits} if limits else {})}


def _must_equal_its_limit(resource: str) -> bool:
    """Whether Kubernetes refuses a request of this resource without an equal limit.

    https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#extended-resources
    Names of extended resources have a domain other than kubernetes.io; huge pages are bound alike.
    """
    domain, _, name = resource.rpartition("/")
    if not domain:
        return name.startswith("hugepages-")
    return domain != "kubernetes.io" and not domain.endswith(".kubernetes.io")


def _with_log_tail(container: Mapping[str, Any]) -> dict[str, Any]:
    # The kubelet then puts the end of a failed container's log into its status, so that the
    # evidence costs no request to the node.
    return {"terminationMessagePolicy": "FallbackToLogsOnError", **container}
