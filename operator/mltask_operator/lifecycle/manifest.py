"""The Pod of one attempt, built from the task's spec."""

from collections.abc import Mapping
from typing import Any

from mltask_operator.api import names
from mltask_operator.lifecycle.observed import Task

_SHORT_FIELDS = ("image", "command", "args", "workingDir", "envFrom")


def pod_manifest(task: Task, attempt: int) -> dict[str, Any]:
    """Return the manifest of the Pod that runs this attempt of the task.

    It is the template, with the short fields overlaid on its container `main` (put first where
    the template has none), and with what the operator needs: name, labels, owner, finalizer.
    """
    spec = task.spec or {}
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    pod_spec = dict(template.get("spec") or {})
    pod_spec["restartPolicy"] = "Never"
    pod_spec["containers"] = [
        _with_log_tail(c) for c in _overlaid(pod_spec.get("containers") or (), spec)
    ]
    if init_containers := pod_spec.get("initContainers"):
        pod_spec["initContainers"] = [_with_log_tail(c) for c in init_containers]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(task.name, task.uid, attempt),
            "namespace": task.namespace,
            "labels": {
                **(metadata.get("labels") or {}),
                names.TASK_LABEL: task.name,
                names.TASK_UID_LABEL: task.uid,
                names.ATTEMPT_LABEL: str(attempt),
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
        "spec": pod_spec,
    }


def _overlaid(
    containers: list[Mapping[str, Any]] | tuple[()], spec: Mapping[str, Any]
) -> list[dict[str, Any]]:
    others = [dict(c) for c in containers]
    for container in others:
        if container["name"] == names.MAIN_CONTAINER:
            _overlay(container, spec)
            return others
    main: dict[str, Any] = {"name": names.MAIN_CONTAINER}
    _overlay(main, spec)
    return [main, *others]


def _overlay(main: dict[str, Any], spec: Mapping[str, Any]) -> None:
    main.update({field: spec[field] for field in _SHORT_FIELDS if field in spec})
    if env := spec.get("env"):
        overridden = {variable["name"] for variable in env}
        kept = [v for v in main.get("env") or () if v["name"] not in overridden]
        main["env"] = [*kept, *env]
    main["resources"] = _resources(spec["resources"])


def _resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    limits = dict(resources.get("limits") or {})
    for name, quantity in resources["requests"].items():
        if _must_equal_its_limit(name):
            limits.setdefault(name, quantity)
    return {**resources, "limits": limits} if limits else dict(resources)


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
