"""The lifecycle rules of an MLTask, read from its spec (JSON that the API server has validated)."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mltask_operator.api.accepted import with_text_amounts
from mltask_operator.api.base import MAX_SECONDS
from mltask_operator.api.failures import (
    Backoff,
    OnExitCodes,
    OnOutOfMemory,
    PodFailurePolicy,
    PodFailurePolicyRule,
)
from mltask_operator.kube.quantities import whole
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
_BACKOFF = Backoff()


class _Rules(BaseModel):
    """The lifecycle fields of the spec, with the bounds of the CRD.

    The CRD of a later version may allow more: other words, other bounds, other fields in a rule.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    backoff_limit: Annotated[int, Field(ge=0, le=MAX_SECONDS)] | None = None
    backoff: Backoff | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    on_out_of_memory: OnOutOfMemory | None = None
    step_failure_policy: Literal["Stop", "Continue"] | None = None
    active_deadline_seconds: Annotated[int, Field(ge=1, le=MAX_SECONDS)] | None = None
    pending_deadline_seconds: Annotated[int, Field(ge=1, le=MAX_SECONDS)] | None = None
    suspend: bool | None = None
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=MAX_SECONDS)] | None = None


def rules_from(spec: Json) -> Rules:
    """Return the lifecycle rules of this spec. Specs without any share one value.

    Raise ValueError if this version does not know a word or number in it: to guess its meaning
    could end a task, or run it again.
    """
    if RULE_FIELDS.isdisjoint(spec):
        return _DEFAULT
    found = _Rules.model_validate(with_text_amounts(_rule_fields(spec)), strict=True)
    backoff, policy = found.backoff or _BACKOFF, found.pod_failure_policy
    return Rules(
        backoff_limit=found.backoff_limit or 0,
        backoff_base=timedelta(seconds=backoff.base_seconds),
        backoff_max=timedelta(seconds=backoff.max_seconds),
        failure_policy=tuple(_failure_rule(rule) for rule in policy.rules) if policy else (),
        memory=_memory_growth(found.on_out_of_memory, spec) if found.on_out_of_memory else None,
        active_deadline=_seconds(found.active_deadline_seconds),
        pending_deadline=_seconds(found.pending_deadline_seconds),
        steps=tuple(step["name"] for step in spec.get("steps") or ()),
        goes_on_after_failed_step=found.step_failure_policy == "Continue",
        is_suspended=bool(found.suspend),
        ttl=_seconds(found.ttl_seconds_after_finished),
    )


def _rule_fields(spec: Json) -> Json:
    return {name: spec[name] for name in RULE_FIELDS if name in spec and name != "steps"}


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
    return None if count is None else timedelta(seconds=count)


def _failure_rule(rule: PodFailurePolicyRule) -> FailureRule:
    return FailureRule(
        action=FailureAction(rule.action),
        exit_codes=_exit_codes(rule.on_exit_codes) if rule.on_exit_codes else None,
        conditions=tuple(
            (condition.type, condition.status) for condition in rule.on_pod_conditions or ()
        ),
    )


def _exit_codes(codes: OnExitCodes) -> ExitCodes:
    return ExitCodes(
        are_in=codes.operator == "In",
        values=packed(codes.values),
        container=codes.container_name,
    )


def _memory_growth(growth: OnOutOfMemory, spec: Json) -> MemoryGrowth:
    resources = spec["resources"]
    limit = (resources.get("limits") or {}).get("memory")
    # Kubernetes takes the limit for the request where only that is given; one of the two is.
    request = (resources.get("requests") or {}).get("memory", limit or 0)
    return MemoryGrowth(
        factor=growth.memory_factor,
        maximum=whole(growth.max_memory),
        request=max(1, whole(request)),
        limit=whole(limit) if limit is not None else None,
    )
