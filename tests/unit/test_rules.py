"""The rules of a task's life, read off its spec as the API server has let it through."""

from typing import Any

import pytest

from mltask_operator.api.failures import Backoff, OnOutOfMemory
from mltask_operator.kube.spec import rules_from
from mltask_operator.lifecycle.rules import (
    ExitCodes,
    FailureAction,
    FailureRule,
    MemoryGrowth,
    Rules,
    packed,
)
from tests.unit.builders import SPEC
from tests.unit.pods import seconds

MI = 2**20


def rules(**fields: Any) -> Rules:
    return rules_from({**SPEC, **fields})


def test_a_spec_that_says_nothing_of_its_life_has_the_usual_rules() -> None:
    assert rules() == Rules()
    assert rules() is rules(command=["x"], template={})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"backoffLimit": 3}, Rules(backoff_limit=3)),
        ({"backoffLimit": 0}, Rules()),
        (
            {"backoff": {"baseSeconds": 1, "maxSeconds": 2}},
            Rules(backoff_base=seconds(1), backoff_max=seconds(2)),
        ),
        ({"backoff": {}}, Rules(backoff_base=seconds(10), backoff_max=seconds(600))),
        ({"activeDeadlineSeconds": 1}, Rules(active_deadline=seconds(1))),
        ({"pendingDeadlineSeconds": 1}, Rules(pending_deadline=seconds(1))),
        ({"suspend": True}, Rules(is_suspended=True)),
        ({"suspend": False}, Rules()),
        ({"ttlSecondsAfterFinished": 5}, Rules(ttl=seconds(5))),
        ({"ttlSecondsAfterFinished": 0}, Rules(ttl=seconds(0))),
        ({"steps": [{"name": "b"}, {"name": "a"}]}, Rules(steps=("b", "a"))),
        (
            {"steps": [{"name": "a"}], "stepFailurePolicy": "Continue"},
            Rules(steps=("a",), goes_on_after_failed_step=True),
        ),
        ({"steps": [{"name": "a"}], "stepFailurePolicy": "Stop"}, Rules(steps=("a",))),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_each_field_alone(fields: dict[str, Any], expected: Rules) -> None:
    assert rules(**fields) == expected


def test_defaults_are_those_that_the_definition_tells() -> None:
    backoff = Backoff()
    assert seconds(backoff.base_seconds) == Rules().backoff_base
    assert seconds(backoff.max_seconds) == Rules().backoff_max
    growth = rules(onOutOfMemory={"maxMemory": "1Gi"}, resources={"requests": {"memory": "1Mi"}})
    assert growth.memory is not None
    assert growth.memory.factor == OnOutOfMemory(max_memory="1Gi").memory_factor


def test_rules_of_the_failure_policy_keep_their_order() -> None:
    policy = {
        "rules": [
            {
                "action": "Fail",
                "onExitCodes": {"operator": "In", "values": [3, 4], "containerName": "main"},
            },
            {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [0]}},
            {
                "action": "Ignore",
                "onPodConditions": [
                    {"type": "DisruptionTarget"},
                    {"type": "ConfigIssue", "status": "False"},
                ],
            },
        ]
    }
    assert rules(podFailurePolicy=policy).failure_policy == (
        FailureRule(
            action=FailureAction.FAIL,
            exit_codes=ExitCodes(are_in=True, values=packed({3, 4}), container="main"),
        ),
        FailureRule(
            action=FailureAction.COUNT, exit_codes=ExitCodes(are_in=False, values=packed({0}))
        ),
        FailureRule(
            action=FailureAction.IGNORE,
            conditions=(("DisruptionTarget", "True"), ("ConfigIssue", "False")),
        ),
    )


@pytest.mark.parametrize(
    ("resources", "request_and_limit"),
    [
        ({"requests": {"memory": "40Mi"}}, (40 * MI, None)),
        ({"requests": {"memory": "40Mi"}, "limits": {"memory": "60Mi"}}, (40 * MI, 60 * MI)),
        ({"requests": {"cpu": 1}, "limits": {"memory": "60Mi"}}, (60 * MI, 60 * MI)),
        ({"requests": {"memory": 1000}}, (1000, None)),
        ({"requests": {"memory": "1500m"}}, (2, None)),
        ({"requests": {"memory": "0"}}, (1, None)),
        ({"requests": {"memory": "40Mi"}, "limits": {"cpu": "1"}}, (40 * MI, None)),
    ],
    ids=[
        "a request",
        "both",
        "a limit, which is the request then",
        "a number",
        "less than a byte is one",
        "nothing, of which no factor makes more",
        "another limit",
    ],
)
def test_memory_that_grows(
    resources: dict[str, Any], request_and_limit: tuple[int, int | None]
) -> None:
    growth = {"maxMemory": "100Mi", "memoryFactor": 1.5}
    request, limit = request_and_limit
    assert rules(onOutOfMemory=growth, resources=resources).memory == MemoryGrowth(
        factor=1.5, maximum=100 * MI, request=request, limit=limit
    )
