"""How the memory of a task grows that ran out of it."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mltask_operator.api.reasons import Reason
from mltask_operator.kube.parse import task_from
from mltask_operator.kube.quantities import whole
from mltask_operator.lifecycle import memory
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.rules import MemoryGrowth
from tests.unit.bodies import Json, task_body
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.decisions import decided, written
from tests.unit.pods import ended, out_of_memory
from tests.unit.statuses import after_attempts

MI = 2**20


def growing(
    *, request: int = 40 * MI, maximum: int, limit: int | None = None, factor: float = 2
) -> TaskBuilder:
    growth = MemoryGrowth(factor=factor, maximum=maximum, request=request, limit=limit)
    return a_task().with_rules(memory=growth)


# From one attempt to the next


@pytest.mark.parametrize(
    ("seen", "grown"),
    [
        (a_task(), None),
        (growing(maximum=100 * MI), 80 * MI),
        (growing(maximum=100 * MI).asking_for(80 * MI), 100 * MI),
        (growing(maximum=100 * MI).asking_for(100 * MI), None),
        (growing(maximum=40 * MI), None),
        (growing(maximum=100 * MI, factor=1.01), 41 * MI),
        (growing(maximum=100 * MI, request=1), MI),
        (growing(maximum=MI // 2, request=1), MI // 2),
        (growing(maximum=100 * MI, limit=60 * MI), 80 * MI),
        (growing(maximum=100 * MI, limit=100 * MI), None),
        (growing(maximum=100 * MI, limit=60 * MI).asking_for(80 * MI), None),
    ],
    ids=[
        "not without rules for it",
        "by the factor",
        "up to the most",
        "and no further",
        "nor where it began with the most",
        "to whole mebibytes, upwards",
        "also from next to nothing",
        "but never over the most",
        "with a limit beside it",
        "not where the limit is the most already",
        "nor where it has come to it",
    ],
)  # fmt: skip
def test_growth(seen: TaskBuilder, grown: int | None) -> None:
    assert memory.grown(seen.task) == grown


@pytest.mark.parametrize(
    ("asked", "limit"), [(40 * MI, 60 * MI), (60 * MI, 90 * MI), (80 * MI, 100 * MI)]
)
def test_the_limit_grows_alike_up_to_the_same_most(asked: int, limit: int) -> None:
    growth = MemoryGrowth(factor=2, maximum=100 * MI, request=40 * MI, limit=60 * MI)
    assert memory.limit_for(growth, asked) == limit


amounts = st.integers(1, 2**63 - 1) | st.integers(1, 2**30)
factors = st.floats(1, 10, exclude_min=True)

BEYOND_FLOATS = MemoryGrowth(factor=3, maximum=2**62 + 1, request=2**61 + 1, limit=2**61 + 1)


@st.composite
def growths(draw: st.DrawFn, factors: st.SearchStrategy[float] = factors) -> MemoryGrowth:
    """Draw what the CRD lets through: request <= limit <= maximum, and a factor over 1."""
    request, limit, maximum = sorted(draw(st.tuples(amounts, amounts, amounts)))
    return MemoryGrowth(
        factor=draw(factors),
        maximum=maximum,
        request=request,
        limit=draw(st.sampled_from([None, request, limit])),
    )


@given(growth=growths(), share=st.floats(0, 1))
@example(growth=BEYOND_FLOATS, share=0)
def test_growth_is_more_than_before_and_never_over_the_most(
    growth: MemoryGrowth, share: float
) -> None:
    asked = growth.request + int((growth.maximum - growth.request) * share)
    more = memory.grown(a_task().with_rules(memory=growth).asking_for(asked).task)
    if more is not None:
        assert asked < more <= growth.maximum
        limit = memory.limit_for(growth, more)
        assert limit is None or more <= limit <= growth.maximum


@given(growth=growths(factors=st.floats(1.1, 10)))
def test_growth_comes_to_an_end(growth: MemoryGrowth) -> None:
    seen = a_task().with_rules(memory=growth)
    times = math.ceil(math.log(growth.maximum / growth.request, growth.factor)) + 1
    for _ in range(times):
        if (more := memory.grown(seen.task)) is not None:
            seen = seen.asking_for(more)
    assert memory.grown(seen.task) is None


@given(amount=st.integers(1, 2**63 - 1))
def test_what_is_written_is_read_as_the_same_amount(amount: int) -> None:
    assert whole(memory.quantity(amount)) == amount


# In the status, and from there in the next Pod


def test_an_attempt_that_ran_out_of_memory_is_no_failure_and_in_the_history() -> None:
    killed = ended(137, containers=(out_of_memory(),))
    status = written(growing(maximum=100 * MI).with_pod(killed))
    assert (status.phase, status.reason) == ("Pending", Reason.MEMORY_INCREASED)
    assert (status.failures, status.disruptions) == (0, 0)
    [record] = status.history
    assert (record.reason, record.memory) == ("OOMKilled", "40Mi")
    assert status.allocation is not None
    assert status.allocation.requests == {"cpu": "1", "memory": "80Mi"}


def test_the_next_attempt_that_runs_out_is_told_with_what_it_had() -> None:
    seen = growing(maximum=1000 * MI).asking_for(80 * MI)
    before = after_attempts(Reason.OOM_KILLED)
    killed = ended(137, attempt=2, containers=(out_of_memory(),))
    status = written(seen.with_status(before).with_pod(killed))
    assert [record.memory for record in status.history] == [None, "80Mi"]
    assert status.allocation is not None
    assert status.allocation.requests["memory"] == "160Mi"


def test_more_memory_is_asked_for_after_a_second() -> None:
    killed = ended(137, containers=(out_of_memory(),))
    seen = growing(maximum=100 * MI)
    status = written(seen.with_pod(killed))
    assert decided(seen.with_status(status)) == "create attempt 2"


def a_body(resources: Json, asked: Json | None, maximum: str = "1Gi") -> Json:
    spec = {
        "image": "trainer:1",
        "resources": resources,
        "onOutOfMemory": {"maxMemory": maximum},
    }
    status = {"phase": "Pending", **({"allocation": asked} if asked else {})}
    return {**task_body(status=status), "spec": spec}


def resources_of(resources: Json, asked: Json | None = None) -> Json:
    """Return the resources of the next Pod of a task that asks for this, as status says."""
    body = a_body(resources, asked and {"requests": asked, "seconds": 0})
    found: Json = pod_manifest(task_from(body), body["spec"], 2)["spec"]["containers"][0][
        "resources"
    ]
    return found


def test_a_pod_asks_for_what_status_says() -> None:
    both = {"requests": {"cpu": 1, "memory": "100Mi"}, "limits": {"cpu": 2, "memory": "150Mi"}}
    assert resources_of(both, {"cpu": "1", "memory": "200Mi"}) == {
        "requests": {"cpu": "1", "memory": "200Mi"},
        "limits": {"cpu": 2, "memory": "300Mi"},
    }


def test_the_first_pod_asks_for_what_the_spec_says_in_its_own_words() -> None:
    both = {"requests": {"cpu": "0.5", "memory": "0.1Gi"}, "limits": {"memory": "1Gi"}}
    for asked in (None, {"cpu": "0.5", "memory": "0.1Gi"}, {"cpu": "0.5"}):
        assert resources_of(both, asked) == both


def test_a_limit_alone_is_the_request_too_once_it_has_grown() -> None:
    limit_alone = {"requests": {"cpu": "1"}, "limits": {"memory": "100Mi"}}
    assert resources_of(limit_alone, {"cpu": "1", "memory": "200Mi"}) == {
        "requests": {"cpu": "1", "memory": "200Mi"},
        "limits": {"memory": "200Mi"},
    }


def test_a_request_alone_gets_no_limit() -> None:
    request_alone = {"requests": {"memory": "100Mi"}}
    assert resources_of(request_alone, {"memory": "200Mi"}) == {"requests": {"memory": "200Mi"}}


def test_without_rules_for_it_status_has_no_say_in_memory() -> None:
    body = a_body({"requests": {"memory": "100Mi"}}, {"requests": {"memory": "9Gi"}, "seconds": 0})
    del body["spec"]["onOutOfMemory"]
    [main] = pod_manifest(task_from(body), body["spec"], 2)["spec"]["containers"]
    assert main["resources"] == {"requests": {"memory": "100Mi"}}
