"""The spec of an MLTask (JSON, as the API server has checked it), as the rules of its life."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mltask_operator.api.failures import (
    DEFAULT_BASE_SECONDS,
    DEFAULT_MAX_SECONDS,
    DEFAULT_MEMORY_FACTOR,
)
from mltask_operator.kube.quantities import whole
from mltask_operator.lifecycle.rules import (
    ExitCodes,
    FailureAction,
    FailureRule,
    MemoryGrowth,
    Rules,
)

Json = Mapping[str, Any]

_FIELDS = frozenset(
    {
        "activeDeadlineSeconds",
        "backoff",
        "backoffLimit",
        "onOutOfMemory",
        "pendingDeadlineSeconds",
        "podFailurePolicy",
        "stepFailurePolicy",
        "steps",
        "suspend",
        "ttlSecondsAfterFinished",
    }
)
_DEFAULT = Rules()


def rules_from(spec: Json) -> Rules:
    """Return what the spec says of the task's life; most specs say nothing and share one value."""
    if _FIELDS.isdisjoint(spec):
        return _DEFAULT
    backoff = spec.get("backoff") or {}
    return Rules(
        backoff_limit=spec.get("backoffLimit") or 0,
        backoff_base=timedelta(seconds=backoff.get("baseSeconds", DEFAULT_BASE_SECONDS)),
        backoff_max=timedelta(seconds=backoff.get("maxSeconds", DEFAULT_MAX_SECONDS)),
        failure_policy=tuple(
            _failure_rule(rule) for rule in (spec.get("podFailurePolicy") or {}).get("rules", ())
        ),
        memory=_memory_growth(spec),
        active_deadline=_seconds(spec.get("activeDeadlineSeconds")),
        pending_deadline=_seconds(spec.get("pendingDeadlineSeconds")),
        steps=tuple(step["name"] for step in spec.get("steps") or ()),
        goes_on_after_failed_step=spec.get("stepFailurePolicy") == "Continue",
        is_suspended=bool(spec.get("suspend")),
        ttl=_seconds(spec.get("ttlSecondsAfterFinished")),
    )


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(seconds=count)


def _failure_rule(rule: Json) -> FailureRule:
    codes = rule.get("onExitCodes")
    return FailureRule(
        action=FailureAction(rule["action"]),
        exit_codes=codes
        and ExitCodes(
            are_in=codes["operator"] == "In",
            values=frozenset(codes["values"]),
            container=codes.get("containerName"),
        ),
        conditions=tuple(
            (condition["type"], condition.get("status", "True"))
            for condition in rule.get("onPodConditions") or ()
        ),
    )


def _memory_growth(spec: Json) -> MemoryGrowth | None:
    growth = spec.get("onOutOfMemory")
    if growth is None:
        return None
    resources = spec["resources"]
    limit = (resources.get("limits") or {}).get("memory")
    # Kubernetes takes the limit for the request where only that is given; one of the two is.
    request = (resources.get("requests") or {}).get("memory", limit or 0)
    return MemoryGrowth(
        factor=growth.get("memoryFactor", DEFAULT_MEMORY_FACTOR),
        maximum=whole(growth["maxMemory"]),
        request=max(1, whole(request)),
        limit=whole(limit) if limit is not None else None,
    )
