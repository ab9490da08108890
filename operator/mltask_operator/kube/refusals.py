"""What the API server's "no" to a Pod means for its task.

The answers carry no code of their own for most of these, so the API server's words decide. They
stand in its source: pkg/quota/v1/evaluator, plugin/pkg/admission, apiserver's authorization.
"""

from datetime import datetime

from mltask_operator.kube.errors import ApiError, StrayAnswer
from mltask_operator.kube.quotas import excess_from
from mltask_operator.lifecycle.observed import Refusal, RefusalKind

_WORDS_OF_A_403 = (
    ("exceeded quota:", RefusalKind.QUOTA),
    ("status unknown for quota:", RefusalKind.QUOTA),
    ("error looking up service account", RefusalKind.NO_SERVICE_ACCOUNT),
    # Authorization, and the admission plugin OwnerReferencesPermissionEnforcement: both speak of
    # the operator's permissions, not of the Pod.
    ('cannot create resource "pods"', RefusalKind.NOT_PERMITTED),
    ("cannot set blockOwnerDeletion", RefusalKind.NOT_PERMITTED),
    # An API server that has started, whose admission plugins have still to learn what there is.
    ("not yet ready to handle request", RefusalKind.SERVER_FAILED),
)


def refusal_from(error: ApiError | StrayAnswer, now: datetime) -> Refusal | None:
    """Return what the error says of the Pod that was to be created, or None if it says nothing.

    An answer that is not the API server's says only that the API server cannot be asked now.
    """
    if isinstance(error, StrayAnswer):
        if error.code in (401, 429):
            return None
        return Refusal(kind=RefusalKind.SERVER_FAILED, message=str(error), at=now)
    kind = _kind(error)
    if kind is None:
        return None
    message = error.message
    excess = excess_from(message) if kind is RefusalKind.QUOTA else None
    if excess and excess.never_fits:
        message += (
            " (more than the quota holds in all: it can only be admitted once the quota is raised;"
            " smaller tasks are not kept waiting)"
        )
    return Refusal(kind=kind, message=message, at=now, excess=excess)


def _kind(error: ApiError) -> RefusalKind | None:
    if error.code >= 500:
        return RefusalKind.SERVER_FAILED
    if error.code in (400, 413, 422):
        return RefusalKind.INVALID
    if error.code != 403:
        return None
    if "NamespaceTerminating" in error.causes:
        return RefusalKind.NAMESPACE_TERMINATING
    for words, kind in _WORDS_OF_A_403:
        if words in error.message:
            return kind
    return RefusalKind.FORBIDDEN
