"""ResourceQuotas of any content: they never fail an event, and little of them is kept."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mltask_operator.kube.quotas import (
    MAX_USED,
    excess_from,
    has_new_bounds,
    has_released,
    kept_part,
    key_of,
    scopes_of,
)
from tests.unit.pods import NAMESPACE
from tests.unit.waiting_tasks import Room, a_quota, a_waiting_task

Json = Mapping[str, Any]

amounts = st.sampled_from(
    ["0", "1", "-1", "1e999999", "-1e999999", "1e-999999", "9" * 5000, "1Ki", "1E", "nan", "inf",
     "sNaN", "", " ", "x", "1e9999999999999999999", "\x1b[31m", "0x10", "1_0", "٣"]
) | st.text(max_size=8)  # fmt: skip
names = st.sampled_from(
    ["pods", "requests.cpu", "limits.", "count/", "", "..", "a/b", "\n", "x" * 999]
)
maps = st.dictionaries(names | st.text(max_size=8), amounts, max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "scopeName": st.text(max_size=5) | anything,
        "operator": st.sampled_from(["In", "NotIn", "Exists"]) | anything,
        "values": st.lists(st.text(max_size=5), max_size=3) | anything,
    },
)
quotas = st.fixed_dictionaries(
    {},
    optional={
        "spec": anything
        | st.fixed_dictionaries(
            {},
            optional={
                "hard": maps | anything,
                "scopes": st.lists(st.text(max_size=5), max_size=3) | anything,
                "scopeSelector": st.fixed_dictionaries(
                    {"matchExpressions": st.lists(selectors, max_size=3) | anything}
                )
                | anything,
            },
        ),
        "status": anything
        | st.fixed_dictionaries({}, optional={"hard": maps | anything, "used": maps | anything}),
        "metadata": anything,
    },
)
kinds = st.sampled_from([None, "ADDED", "MODIFIED", "DELETED"])


@given(st.lists(st.tuples(kinds, quotas, st.booleans()), max_size=6))
def test_no_quota_fails_an_event(events: list[tuple[str | None, Json, bool]]) -> None:
    room = Room()
    task = a_waiting_task("old")
    room.refuse(task)
    for kind, quota, has_name in events:
        name = {"namespace": NAMESPACE, "name": "compute"} if has_name else quota.get("metadata")
        room.queue.note_quota(kind, {**quota, "metadata": name})
    room.queue.note_quota("DELETED", a_quota(used=20))
    room.queue.note_quota("ADDED", a_quota(used=20))
    room.refuse(task)
    room.wakes()
    room.release()
    assert room.wakes() == ["old"]


@given(quotas, quotas)
def test_the_kept_part_shows_the_same_changes(before: Json, after: Json) -> None:
    has_released(before, after)
    assert not has_new_bounds(kept_part(before), kept_part(before))
    assert not has_released(kept_part(before), kept_part(before))
    if has_new_bounds(kept_part(before), kept_part(after)):
        assert has_new_bounds(before, after)
    key_of(before)
    scopes_of(before)


@pytest.mark.parametrize(
    ("change", "released", "bounds"),
    [
        ({}, False, False),
        ({"status": {"hard": {"pods": "5"}, "used": {"pods": "2"}}}, True, False),
        ({"status": {"hard": {"pods": "5"}, "used": {"pods": "4"}}}, False, False),
        ({"status": {"hard": {"pods": "6"}, "used": {"pods": "3"}}}, True, True),
        ({"spec": {"hard": {"pods": "6"}}}, True, True),
        ({"spec": {"hard": {"pods": "5"}, "scopes": ["Terminating"]}}, True, True),
    ],
)
def test_changes_of_the_kept_part(change: Json, *, released: bool, bounds: bool) -> None:
    before = {
        "spec": {"hard": {"pods": "5"}},
        "status": {"hard": {"pods": "5"}, "used": {"pods": "3"}},
    }
    kept = kept_part(before), kept_part({**before, **change})
    assert has_released(*kept) is released
    assert has_new_bounds(*kept) is bounds


def test_a_changed_selector_is_a_new_bound() -> None:
    def scoped(*classes: str) -> Json:
        selector = {"scopeName": "PriorityClass", "operator": "In", "values": list(classes)}
        return kept_part({"spec": {"scopeSelector": {"matchExpressions": [selector]}}})

    assert has_new_bounds(scoped("high"), scoped("low"))
    assert not has_new_bounds(scoped("high"), scoped("high"))
    assert not has_new_bounds(kept_part({"spec": {"scopeSelector": {}}}), kept_part({"spec": {}}))


@pytest.mark.parametrize("amount", ["1e999999", "9" * 5000, "nan", "x", "-1e999999", ""])
def test_unreadable_amounts_are_no_release(amount: str) -> None:
    full = {"status": {"used": {"pods": amount, "cpu": "2"}}}
    assert not has_released(full, {"status": {"used": {"pods": amount, "cpu": "2"}}})
    assert has_released(full, {"status": {"used": {"pods": amount, "cpu": "1"}}})


def test_of_a_huge_quota_little_is_kept() -> None:
    many = {f"count/things{n:06}.example.org": "1" for n in range(50_000)}
    kept = kept_part({
        "metadata": {"managedFields": [{}] * 1000},
        "spec": {"hard": many, "scopes": ["x" * 1000] * 5000},
        "status": {"hard": many, "used": many},
    })  # fmt: skip
    assert len(kept["status"]["used"]) <= MAX_USED
    assert len(repr(kept)) < 50_000


def test_a_change_of_any_of_thousands_of_bounds_is_seen() -> None:
    before = {f"requests.example.org/d{n}": "1" for n in range(9000)}
    after = {**before, "requests.example.org/d8999": "2"}
    kept = [
        kept_part({"spec": {"hard": hard}, "status": {"hard": hard}}) for hard in (before, after)
    ]
    assert has_new_bounds(*kept)


names_and_amounts = st.lists(st.tuples(names, amounts), max_size=4).map(
    lambda pairs: ",".join(f"{name}={amount}" for name, amount in pairs)
)


@given(st.text(max_size=6), names_and_amounts, names_and_amounts, names_and_amounts)
@example("team", "pods=1e999999", "pods=1", "pods=1")
@example("\x1b[31m", "pods=1", "pods=1", "pods=1")
def test_no_refusal_fails(name: str, requested: str, used: str, limited: str) -> None:
    words = f"requested: {requested}, used: {used}, limited: {limited}"
    found = excess_from(f"exceeded quota: {name}, {words}")
    assert found is None or found.quota.isprintable()


def test_a_refusal_of_very_many_resources_is_unreadable_and_quick() -> None:
    many = ",".join(f"requests.example.org/d{n}=1" for n in range(50_000))
    message = f"exceeded quota: team, requested: {many}, used: {many}, limited: {many}"
    began = time.process_time()
    assert excess_from(message * 3) is None
    assert time.process_time() - began < 5
