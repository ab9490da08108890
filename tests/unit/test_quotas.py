"""What a ResourceQuota's refusal says, and what its change means for those who wait."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.kube.quotas import excess_from, has_new_bounds, has_released, scopes_of
from mltask_operator.lifecycle.observed import QuotaExcess
from mltask_operator.lifecycle.quota_scopes import Scopes, Selector

Json = dict[str, Any]

BEGIN = 'pods "train-0b5f1c2e-1" is forbidden: exceeded quota: '


def excess(quota: str, *resources: str, never_fits: bool = False) -> QuotaExcess:
    return QuotaExcess(quota=quota, resources=frozenset(resources), never_fits=never_fits)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("team, requested: pods=1, used: pods=20, limited: pods=20", excess("team", "pods")),
        (
            "team, requested: cpu=1,memory=2Gi, used: cpu=4,memory=7Gi, limited: cpu=4,memory=8Gi",
            excess("team", "cpu", "memory"),
        ),
        (
            "gpus.a-b, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=8, "
            "limited: requests.nvidia.com/gpu=8",
            excess("gpus.a-b", "requests.nvidia.com/gpu"),
        ),
        (
            "team, requested: requests.cpu=500m, used: requests.cpu=0, limited: requests.cpu=0.4",
            excess("team", "requests.cpu", never_fits=True),
        ),
        (
            "team, requested: requests.cpu=1, used: requests.cpu=0, limited: requests.cpu=1000m",
            excess("team", "requests.cpu"),
        ),
        (
            "team, requested: cpu=1,memory=9Gi, used: cpu=4,memory=0, limited: cpu=4,memory=8Gi",
            excess("team", "cpu", "memory", never_fits=True),
        ),
        (
            "team, requested: pods=1, used: pods=0, limited: pods=0",
            excess("team", "pods", never_fits=True),
        ),
    ],
)
def test_excess(words: str, expected: QuotaExcess) -> None:
    assert excess_from(BEGIN + words) == expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Forbidden",
        BEGIN,
        BEGIN + "team, requested: pods=1, used: pods=20",
        BEGIN + "team, requested: pods=1, used: pods=20, limited: cpu=20",
        BEGIN + "team, requested: pods=x, used: pods=20, limited: pods=20",
        BEGIN + "team, requested: pods=nan, used: pods=20, limited: pods=20",
        BEGIN + "team, requested: pods, used: pods, limited: pods",
        BEGIN + "team, requested: ,, used: ,, limited: ,",
        'pods "x" is forbidden: status unknown for quota: team, resources: requests.cpu',
        "waits for quota team after another, which is of higher priority or older",
    ],
)
def test_other_words_say_nothing(message: str) -> None:
    assert excess_from(message) is None


parts = st.text("anif=,.:0129GiEe-+ ", max_size=12)


@given(st.tuples(parts, parts, parts, parts))
def test_words_that_look_like_a_quotas_are_read_or_not_but_never_an_error(
    words: tuple[str, str, str, str],
) -> None:
    name, requested, used, limited = words
    excess_from(f"{BEGIN}{name}, requested: {requested}, used: {used}, limited: {limited}")


# Changes


def quota(*, hard: Json | None = None, used: Json | None = None, spec: Json | None = None) -> Json:
    hard = {"pods": "20", "requests.cpu": "4"} if hard is None else hard
    used = {"pods": "20", "requests.cpu": "4"} if used is None else used
    return {"spec": spec or {"hard": hard}, "status": {"hard": hard, "used": used}}


@pytest.mark.parametrize(
    ("after", "released", "bounds"),
    [
        (quota(), False, False),
        (quota(used={"pods": "19", "requests.cpu": "4"}), True, False),
        (quota(used={"pods": "20", "requests.cpu": "3500m"}), True, False),
        (quota(used={"pods": "20", "requests.cpu": "4000m"}), False, False),
        (quota(used={"pods": "21", "requests.cpu": "4"}), False, False),
        (quota(used={"pods": "21", "requests.cpu": "3"}), True, False),
        (quota(used={"pods": "20"}), True, False),
        (quota(used={"pods": "20", "requests.cpu": "4", "count/x": "1"}), False, False),
        (quota(hard={"pods": "21", "requests.cpu": "4"}), True, True),
        (quota(hard={"pods": "19", "requests.cpu": "4"}), True, True),
        (quota(spec={"hard": {"pods": "21"}}), True, True),
        (quota(spec={"hard": {"pods": "20", "requests.cpu": "4"}, "scopes": ["x"]}), True, True),
        ({"spec": {"hard": {"pods": "20", "requests.cpu": "4"}}}, True, True),
    ],
    ids=[
        "nothing",
        "one Pod less",
        "less of something",
        "as much in other words",
        "more of something",
        "more of one, less of another",
        "no word of something any more",
        "something new",
        "more allowed",
        "less allowed",
        "a new spec whose status is to follow",
        "another scope",
        "no status any more",
    ],
)
def test_change(after: Json, *, released: bool, bounds: bool) -> None:
    assert has_released(quota(), after) is released
    assert has_new_bounds(quota(), after) is bounds


def test_a_quota_that_nobody_has_counted_yet_releases_nothing() -> None:
    uncounted = {"spec": {"hard": {"pods": "20"}}}
    assert not has_released(uncounted, uncounted)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ()),
        ({"scopes": [], "scopeSelector": {"matchExpressions": []}}, ()),
        ({"scopes": ["NotTerminating"]}, (Selector("NotTerminating"),)),
        (
            {
                "scopes": ["NotTerminating"],
                "scopeSelector": {
                    "matchExpressions": [
                        {"scopeName": "BestEffort", "operator": "Exists"},
                        {"scopeName": "PriorityClass", "operator": "In", "values": ["a", "b"]},
                    ]
                },
            },
            (
                Selector("NotTerminating"),
                Selector("BestEffort", "Exists"),
                Selector("PriorityClass", "In", ("a", "b")),
            ),
        ),
    ],
)
def test_scopes(spec: Json, expected: Scopes) -> None:
    assert scopes_of({"spec": {"hard": {"pods": "1"}, **spec}}) == expected
    assert scopes_of({}) == ()
