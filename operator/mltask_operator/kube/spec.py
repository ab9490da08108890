"""The lifecycle rules of an MLTask, read from its spec (JSON that the API server has validated)."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from mltask_operator.api.failures import (
    DEFAULT_BASE_SECONDS,
    DEFAULT_MAX_SECONDS,
    DEFAULT_MEMORY_FACTOR,
)
from mltask_operator.kube.quantities import whole
from mltask_operator.kube.times import bounded_seconds
from mltask_operator.lifecycle.rules import (
    ExitCodes,
    FailureAction,
    FailureRule,
    MemoryGrowth,
    Rules,
    packed,
)

Json = Mapping[str, Any]

MAX_RESOURCES = 32
"""How many resources of a task's requests are accounted for: a node offers a dozen at the most."""
TTL_FIELD = "ttlSecondsAfterFinished"
RULE_FIELDS = frozenset(
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
        TTL_FIELD,
    }
)
_DEFAULT = Rules()


def rules_from(spec: Json) -> Rules:
    """Return the lifecycle rules of this spec. Specs without any share one value."""
    if RULE_FIELDS.isdisjoint(spec):
        return _DEFAULT
    backoff = spec.get("backoff") or {}
    return Rules(
        backoff_limit=spec.get("backoffLimit") or 0,
        backoff_base=bounded_seconds(backoff.get("baseSeconds", DEFAULT_BASE_SECONDS)),
        backoff_max=bounded_seconds(backoff.get("maxSeconds", DEFAULT_MAX_SECONDS)),
        failure_policy=tuple(
            _failure_rule(rule) for rule in (spec.get("podFailurePolicy") or {}).get("rules", ())
        ),
        memory=_memory_growth(spec),
        active_deadline=_seconds(spec.get("activeDeadlineSeconds")),
        pending_deadline=_seconds(spec.get("pendingDeadlineSeconds")),
        steps=tuple(step["name"] for step in spec.get("steps") or ()),
        goes_on_after_failed_step=spec.get("stepFailurePolicy") == "Continue",
        is_suspended=bool(spec.get("suspend")),
        ttl=_seconds(spec.get(TTL_FIELD)),
    )


def requests_from(spec: Json) -> Mapping[str, str]:
    """Return the requests of spec.resources: the quantity of each resource, as text.

    Tasks with the same requests share one value. Of more than MAX_RESOURCES, the first ones count.
    """
    requests = (spec.get("resources") or {}).get("requests") or {}
    return _shared_requests(
        tuple((name, str(amount)) for name, amount in islice(requests.items(), MAX_RESOURCES))
    )


@lru_cache(maxsize=512)
def _shared_requests(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return MappingProxyType(dict(pairs))


def _seconds(count: int | None) -> timedelta | None:
    return None if count is None else bounded_seconds(count)


def _failure_rule(rule: Json) -> FailureRule:
    codes = rule.get("onExitCodes")
    return FailureRule(
        action=FailureAction(rule["action"]),
        exit_codes=codes
        and ExitCodes(
            are_in=codes["operator"] == "In",
            values=packed(codes["values"]),
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
