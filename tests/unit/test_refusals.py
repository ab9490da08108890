"""The API server's own words to a Pod that it refuses, and what they mean for the task."""

import json

import pytest

from mltask_operator.kube.errors import ApiError, error_from
from mltask_operator.kube.refusals import refusal_from
from mltask_operator.lifecycle.observed import QuotaExcess, Refusal, RefusalKind
from tests.unit.pods import NOW

POD = 'pods "train-0b5f1c2e-1" is forbidden: '

FORBIDDEN_403 = [
    (
        "no room in a quota",
        POD + "exceeded quota: team, requested: requests.cpu=1, used: requests.cpu=4, limited: "
        "requests.cpu=4",
        RefusalKind.QUOTA,
    ),
    (
        "a quota that nobody has counted yet",
        POD + "status unknown for quota: team, resources: requests.cpu",
        RefusalKind.QUOTA,
    ),
    (
        "a quota that asks for limits",
        POD + "failed quota: team: must specify limits.cpu for: main",
        RefusalKind.FORBIDDEN,
    ),
    (
        "Pod Security",
        POD + 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
        '(container "main" must set securityContext.allowPrivilegeEscalation=false)',
        RefusalKind.FORBIDDEN,
    ),
    (
        "a LimitRange",
        POD + "maximum cpu usage per Container is 500m, but limit is 1",
        RefusalKind.FORBIDDEN,
    ),
    (
        "no such PriorityClass",
        POD + "no PriorityClass with name high was found",
        RefusalKind.FORBIDDEN,
    ),
    (
        "a webhook",
        'admission webhook "policy.example.org" denied the request: no image of this registry',
        RefusalKind.FORBIDDEN,
    ),
    (
        "no such service account",
        POD + 'error looking up service account team-a/nobody: serviceaccount "nobody" not found',
        RefusalKind.NO_SERVICE_ACCOUNT,
    ),
    (
        "the operator may not create Pods",
        'pods is forbidden: User "system:serviceaccount:mltask-system:mltask-operator" cannot '
        'create resource "pods" in API group "" in the namespace "team-a"',
        RefusalKind.NOT_PERMITTED,
    ),
    (
        "the operator may not set finalizers of tasks",
        POD + "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't "
        "set finalizers on: , <nil>",
        RefusalKind.NOT_PERMITTED,
    ),
    (
        "admission does not know the CRD yet",
        POD + "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for "
        "APIVersion mltask.dev/v1alpha1 Kind MLTask: no matches for kind",
        RefusalKind.NOT_PERMITTED,
    ),
    (
        "the API server has only just started",
        POD + "not yet ready to handle request",
        RefusalKind.SERVER_FAILED,
    ),
]

OTHERS = [
    (400, "BadRequest", 'Pod in version "v1" cannot be handled as a Pod', RefusalKind.INVALID),
    (
        413,
        "RequestEntityTooLarge",
        "Request entity too large: limit is 3145728",
        RefusalKind.INVALID,
    ),
    (
        422,
        "Invalid",
        'Pod "train-0b5f1c2e-1" is invalid: spec.containers[0].resources.requests: Invalid value: '
        '"1": must be less than or equal to cpu limit of 500m',
        RefusalKind.INVALID,
    ),
    (401, "Unauthorized", "Unauthorized", None),
    (404, "NotFound", 'namespaces "team-a" not found', None),
    (409, "AlreadyExists", 'pods "train-0b5f1c2e-1" already exists', None),
    (
        409,
        "Conflict",
        'Operation cannot be fulfilled on resourcequotas "team": the object has been modified',
        None,
    ),
    (429, "TooManyRequests", "too many requests, please try again later", None),
    (
        500,
        "InternalError",
        "Internal error occurred: resource quota evaluation timed out",
        RefusalKind.SERVER_FAILED,
    ),
    (503, "ServiceUnavailable", "etcdserver: request timed out", RefusalKind.SERVER_FAILED),
]


@pytest.mark.parametrize(
    ("message", "kind"), [row[1:] for row in FORBIDDEN_403], ids=[row[0] for row in FORBIDDEN_403]
)
def test_forbidden(message: str, kind: RefusalKind) -> None:
    refusal = refusal_from(ApiError(403, "Forbidden", message), NOW)
    assert refusal is not None
    assert (refusal.kind, refusal.message, refusal.at) == (kind, message, NOW)


def test_what_a_quota_has_no_room_for_is_read_off_its_words() -> None:
    [_, message, _] = FORBIDDEN_403[0]
    refusal = refusal_from(ApiError(403, "Forbidden", message), NOW)
    assert refusal is not None
    assert refusal.excess == QuotaExcess(
        quota="team", resources=frozenset({"requests.cpu"}), never_fits=False
    )


def test_a_pod_too_large_for_the_whole_quota_is_told_so() -> None:
    message = (
        POD + "exceeded quota: team, requested: requests.cpu=1, used: requests.cpu=0, limited: "
        "requests.cpu=500m"
    )
    refusal = refusal_from(ApiError(403, "Forbidden", message), NOW)
    assert refusal is not None
    assert refusal.excess is not None
    assert refusal.excess.never_fits
    assert refusal.message.startswith(message)
    assert "only be admitted once the quota is raised" in refusal.message


def test_other_words_than_a_quotas_say_nothing_of_resources() -> None:
    for label, message, kind in FORBIDDEN_403:
        if kind is not RefusalKind.QUOTA:
            refusal = refusal_from(ApiError(403, "Forbidden", message), NOW)
            assert refusal is not None, label
            assert refusal.excess is None, label


@pytest.mark.parametrize(
    ("code", "reason", "message", "kind"), OTHERS, ids=[f"{row[0]}-{row[1]}" for row in OTHERS]
)
def test_other_answers(code: int, reason: str, message: str, kind: RefusalKind | None) -> None:
    refusal = refusal_from(ApiError(code, reason, message), NOW)
    assert (refusal and refusal.kind) == kind


def test_a_namespace_that_is_being_deleted() -> None:
    message = (
        f"{POD}unable to create new content in namespace team-a because it is being terminated"
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": "namespace team-a is being terminated",
        "field": "metadata.namespace",
    }
    status = {
        "kind": "Status",
        "status": "Failure",
        "message": message,
        "reason": "Forbidden",
        "details": {"name": "train-0b5f1c2e-1", "kind": "pods", "causes": [cause]},
        "code": 403,
    }
    refusal = refusal_from(error_from(403, json.dumps(status).encode()), NOW)
    assert refusal == Refusal(kind=RefusalKind.NAMESPACE_TERMINATING, message=message, at=NOW)
