"""What must hold before the operator can work, checked once at its start, each fault in a line."""

import asyncio
import logging
from collections.abc import Sequence

from mltask_operator.api import names
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError, StrayAnswer

logger = logging.getLogger(__name__)

# Group, resource, subresource, verbs: what the chart's role grants, and the operator uses.
PERMISSIONS = (
    (names.GROUP, names.PLURAL, "", ("get", "list", "watch", "delete")),
    (names.GROUP, names.PLURAL, "status", ("patch",)),
    (names.GROUP, names.PLURAL, "finalizers", ("update",)),
    ("", "pods", "", ("get", "list", "watch", "create", "patch", "delete")),
    ("", "resourcequotas", "", ("list", "watch")),
)

# Granted with them; the operator can do without.
EVENT_PERMISSIONS = (("", "events", "", ("create",)),)

# In the namespace of the Lease alone.
LEASE_PERMISSIONS = (("coordination.k8s.io", "leases", "", ("get", "create", "update")),)

_UNKNOWN_PATH = "404 page not found"
"""The text with which the API server, like each server in Go, answers for an unknown path."""

Permissions = Sequence[tuple[str, str, str, Sequence[str]]]


class NotReady(Exception):
    """The cluster is not prepared for the operator; the text says what is missing."""


class NoDefinition(NotReady):
    """The CRD is not there, and so no task is."""

    def __init__(self) -> None:
        super().__init__(
            f"the CustomResourceDefinition {names.PLURAL}.{names.GROUP} is not installed: install "
            "the Helm chart mltask-operator, or `kubectl apply -f crds/mltasks.yaml`"
        )


async def check_cluster(api: Api, namespaces: Sequence[str]) -> list[str]:
    """Return those of the namespaces that can be served; all of them are, for all or for none.

    Raise NoDefinition where the CRD is missing, NotReady where a permission is, Unreachable where
    nobody answers. Of several namespaces one without the permissions is left out, and logged: it
    may have been deleted, with the role binding in it, and the others must not go unserved then.
    """
    await _check_resource(api)
    unserved = {}
    for namespace in namespaces or ("",):
        if missing := await _missing_permissions(api, namespace, PERMISSIONS):
            unserved[namespace] = missing
    for namespace, missing in unserved.items():
        text = _not_permitted(_where(namespace), missing)
        if len(unserved) == len(namespaces or ("",)):
            raise NotReady(text)
        logger.error("Left out: %s", text, extra={"namespace": namespace})
    return [namespace for namespace in namespaces if namespace not in unserved]


async def check_lease(api: Api, namespace: str, name: str) -> None:
    """Raise NotReady where this Lease may not be read, made or taken; Unreachable as above."""
    if missing := await _missing_permissions(api, namespace, LEASE_PERMISSIONS, name):
        raise NotReady(_not_permitted(_where(namespace), missing))


def _where(namespace: str) -> str:
    return f"in namespace {namespace}" if namespace else "cluster-wide"


def _not_permitted(where: str, missing: Sequence[str]) -> str:
    return (
        f"not permitted {where}: {'; '.join(missing)}. Bind the role of the Helm chart "
        "mltask-operator to the user or service account that the operator runs as"
    )


async def may_list_priorities(api: Api, namespaces: Sequence[str]) -> bool:
    """Whether the operator may list PriorityClasses, which are cluster-wide: it can do without.

    That it must is logged where it serves all namespaces: for some, the chart grants nothing
    cluster-wide.
    """
    allowed = await _is_allowed(api, "", "scheduling.k8s.io", "priorityclasses", "", "list")
    if not (allowed or namespaces):
        logger.warning(
            "not permitted cluster-wide: list priorityclasses. Tasks that wait for quota are "
            "admitted by their age alone"
        )
    return allowed


async def warn_without_events(api: Api, namespaces: Sequence[str]) -> None:
    """Log where no Events may be created: the operator can do without."""
    for namespace in namespaces or ("",):
        if missing := await _missing_permissions(api, namespace, EVENT_PERMISSIONS):
            logger.warning(
                "not permitted %s: %s. What happens to tasks is told in their status alone",
                _where(namespace),
                "; ".join(missing),
                extra={"namespace": namespace},
            )


async def _check_resource(api: Api) -> None:
    try:
        served = await api.ask("GET", f"/apis/{names.API_VERSION}", "APIResourceList")
    except StrayAnswer as error:
        if error.code == 404 and error.text == _UNKNOWN_PATH:
            raise NoDefinition from error
        raise
    except ApiError as error:
        if error.code == 404:
            raise NoDefinition from error
        if error.code in (401, 403):
            raise NotReady(f"the credentials are not accepted: {error.message}") from error
        raise
    if not any(resource["name"] == names.PLURAL for resource in served["resources"]):
        raise NoDefinition


async def _missing_permissions(
    api: Api, namespace: str, needed: Permissions, name: str = ""
) -> list[str]:
    asked = [
        (namespace, group, resource, subresource, verb)
        for group, resource, subresource, verbs in needed
        for verb in verbs
    ]
    allowed = await asyncio.gather(*(_is_allowed(api, *question, name) for question in asked))
    missing: dict[str, list[str]] = {}
    for (_, _, resource, subresource, verb), is_allowed in zip(asked, allowed, strict=True):
        if not is_allowed:
            what = "/".join(filter(None, (resource, subresource)))
            missing.setdefault(what, []).append(verb)
    return [f"{', '.join(verbs)} {what}" for what, verbs in missing.items()]


async def _is_allowed(
    api: Api,
    namespace: str,
    group: str,
    resource: str,
    subresource: str,
    verb: str,
    name: str = "",
) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": namespace,
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
                "name": "" if verb == "create" else name,
            }
        },
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await api.ask("POST", path, "SelfSubjectAccessReview", review)
    return bool(answer["status"]["allowed"])
