"""What a ResourceQuota looks at in a task's Pod. `tests/api/test_quota_demand.py` is the judge."""

from typing import Any

import pytest

from mltask_operator.kube.parse import task_from
from mltask_operator.kube.slim import LARGE_TASK, slim_task
from mltask_operator.lifecycle.quota_demand import (
    CATCH_ALL,
    MAX_CLASS_NAME,
    MAX_RESOURCE_NAME,
    Demand,
    counted_as,
    demand_of_pod,
    demand_of_task,
)
from tests.unit.bodies import task_body

Json = dict[str, Any]

GPU = "nvidia.com/gpu"
DEVICES = "deviceclass.resource.kubernetes.io/gpus"
STATED = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
ALWAYS = {"pods", "cpu", "memory", "limits.cpu", "limits.memory"}
"""What each Pod counts for that states STATED, or nothing of CPU and memory."""


def container(requests: Json | None = None, limits: Json | None = None, **fields: Any) -> Json:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {"name": "c", "resources": resources, **fields}


def pod(*containers: Json, **spec: Any) -> Json:
    return {"containers": list(containers), **spec}


def task(resources: Json = STATED, **template: Any) -> Json:
    return {"resources": resources, "template": {"spec": template}}


def counts(demand: Demand) -> set[str]:
    """Return what a Pod counts for beside ALWAYS."""
    assert demand.resources >= ALWAYS
    return set(demand.resources) - ALWAYS


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (task(), set()),
        (task({"requests": {"cpu": "1", GPU: 1}}), {GPU}),
        (task({"requests": {"cpu": "1"}, "limits": {GPU: "1"}}), {GPU}),
        (task(containers=[container({GPU: "1"})]), {GPU}),
        (task(containers=[container(limits={GPU: "1"})]), {GPU}),
        (task(initContainers=[container({GPU: "1"})]), {GPU}),
        (task(initContainers=[container({GPU: "1"}, restartPolicy="Always")]), {GPU}),
        (task(containers=[container({GPU: "1"}, name="main")]), set()),
        (task(containers=[container({GPU: "0"})]), set()),
        (task(containers=[container({"ephemeral-storage": "1Gi"})]), {"ephemeral-storage"}),
        (
            task(containers=[container(limits={"ephemeral-storage": "1Gi"})]),
            {"ephemeral-storage", "limits.ephemeral-storage"},
        ),
        (
            task(containers=[container({"ephemeral-storage": "0"}, {"ephemeral-storage": "1"})]),
            {"limits.ephemeral-storage"},
        ),
        (task(containers=[container({"hugepages-2Mi": "2Mi"})]), {"hugepages-2Mi"}),
        (task(containers=[container({DEVICES: "1"})]), {DEVICES}),
        (task(containers=[container({"x.kubernetes.io/y": "1", "made-up": "1"})]), set()),
        (task(overhead={"example.org/fpga": "1"}), {"example.org/fpga"}),
        ({**task(), "steps": [{"name": "a"}, {"name": "b"}]}, set()),
        ({"resources": STATED, "template": None}, set()),
        ({"resources": STATED, "template": {"spec": {"containers": None}}}, set()),
        (task(containers=[{"name": "c"}, {"name": "d", "resources": {"limits": None}}]), set()),
    ],
)
def test_resources_of_a_task(spec: Json, expected: set[str]) -> None:
    assert counts(demand_of_task(spec)) == expected


ZERO = {"cpu": "0", "memory": "0.0Mi"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (pod(container(ZERO, ZERO)), {"pods"}),
        (pod(container(limits=ZERO)), {"pods"}),
        (pod(container(ZERO)), {"pods", "limits.cpu", "limits.memory"}),
        (pod(container({"cpu": "1m"}, {"cpu": "0"})), ALWAYS - {"limits.cpu"}),
        (pod(container(ZERO, ZERO), overhead={"cpu": "1m"}), {"pods", "cpu"}),
        (pod(container(ZERO, ZERO), initContainers=[container()]), ALWAYS),
        # The Pod's own resources: nothing need be stated beside them.
        (pod(container(), resources={"requests": {"cpu": "1"}}), {"pods", "cpu"}),
        (
            pod(container(), resources={"limits": {"cpu": "1"}}),
            {"pods", "cpu", "limits.cpu"},
        ),
        (pod(container({"cpu": "0"}), resources={"limits": {"cpu": "1"}}), {"pods", "limits.cpu"}),
        (
            pod(container({"memory": "1"}), resources={"limits": {"cpu": "1"}}),
            {"pods", "cpu", "limits.cpu", "memory"},
        ),
        (
            pod(container(), resources={"limits": {"hugepages-2Mi": "2Mi"}}),
            {"pods", "hugepages-2Mi"},
        ),
        (pod(container(), resources={"requests": {GPU: "1"}}), ALWAYS),
    ],
)  # fmt: skip
def test_resources_of_a_pod(spec: Json, expected: set[str]) -> None:
    assert demand_of_pod(spec).resources == expected


@pytest.mark.parametrize(
    ("amount", "is_counted"),
    [
        (1, True), (0, False), ("1", True), ("0", False), ("0.0", False), ("+0", False),
        ("+0.1", True), (".5", True), ("100m", True), ("0m", False), ("0e9", False), ("00", False),
        ("1e-999999", True), ("0Gi", False), ("1E", True), ("", False), ("x", False), ("-1", False),
    ],
)  # fmt: skip
def test_an_amount_of_zero_is_not_counted(amount: str | int, *, is_counted: bool) -> None:
    spec = task(containers=[container({GPU: amount})])
    assert (GPU in demand_of_task(spec).resources) is is_counted


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pods", "pods"),
        ("count/pods", "pods"),
        ("cpu", "cpu"),
        ("requests.cpu", "cpu"),
        ("limits.cpu", "limits.cpu"),
        (f"requests.{GPU}", GPU),
        ("hugepages-2Mi", "hugepages-2Mi"),
        ("requests.hugepages-2Mi", "hugepages-2Mi"),
        ("count/configmaps", "count/configmaps"),
    ],
)
def test_names_in_a_quota(name: str, expected: str) -> None:
    assert counted_as(name) == expected


# What scopes select


def affinity(kind: str, *, preferred: bool = False, **term: Any) -> Json:
    if preferred:
        terms = [{"weight": 1, "podAffinityTerm": term}]
        return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": terms}}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, False),
        (affinity("podAffinity", topologyKey="zone"), False),
        (affinity("podAffinity", namespaces=[]), False),
        (affinity("podAffinity", namespaces=["a"]), True),
        (affinity("podAntiAffinity", namespaceSelector={}), True),
        (affinity("podAffinity", preferred=True, namespaces=["a"]), True),
        (affinity("podAntiAffinity", preferred=True), False),
        (affinity("nodeAffinity", namespaces=["a"]), False),
    ],
)
def test_affinity_to_pods_of_other_namespaces(found: Json, *, expected: bool) -> None:
    assert demand_of_task(task(affinity=found)).has_cross_namespace_affinity is expected


def test_a_terminating_pod_has_a_deadline_of_its_own() -> None:
    assert demand_of_task(task(activeDeadlineSeconds=600)).is_terminating
    assert not demand_of_task(task()).is_terminating
    # The operator enforces the task's deadline, and the Pod has none.
    assert not demand_of_task({**task(), "activeDeadlineSeconds": 600}).is_terminating


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (pod(container({"cpu": "1m"})), False),
        (pod(container(limits={"memory": "1"})), False),
        (pod(container({GPU: "1"})), True),
        (pod(container(ZERO, ZERO)), True),
        (pod(container(ZERO), initContainers=[container({"cpu": "1"})]), False),
        (pod(container(), overhead={"cpu": "1"}), True),
        (pod(container(), resources={"requests": {"cpu": "1"}}), False),
        (pod(container({"cpu": "1"}), resources={"requests": {"hugepages-2Mi": "2Mi"}}), True),
        (pod(container({"cpu": "1"}), resources={"limits": {"hugepages-2Mi": "2Mi"}}), False),
    ],
)
def test_best_effort(spec: Json, *, expected: bool) -> None:
    assert demand_of_pod(spec).is_best_effort is expected


def test_classes() -> None:
    demand = demand_of_task(task(priorityClassName="high", runtimeClassName="sandbox"))
    assert (demand.priority_class, demand.runtime_class) == ("high", "sandbox")
    assert demand_of_task(task(priorityClassName="")).priority_class is None


# Bounds


def test_names_that_no_object_can_have_are_cut_or_left_out() -> None:
    spec = task(
        containers=[container({f"example.org/{'x' * MAX_RESOURCE_NAME}": "1"})],
        priorityClassName="p" * 10**5,
        runtimeClassName="r" * 10**5,
    )
    demand = demand_of_task(spec)
    assert counts(demand) == set()
    assert MAX_CLASS_NAME < len(demand.priority_class or "") < 2 * MAX_CLASS_NAME
    assert MAX_CLASS_NAME < len(demand.runtime_class or "") < 2 * MAX_CLASS_NAME


def test_equal_demands_take_memory_once() -> None:
    one, other = (demand_of_task(task(priorityClassName="high")) for _ in range(2))
    assert one is other


@pytest.mark.parametrize("count", [1, 1000])
def test_a_large_task_has_the_same_demand_without_its_template(count: int) -> None:
    body = task_body(10)
    sidecars = [container({f"example.org/d{n}": "1"}, name=f"c{n}") for n in range(count)]
    body["spec"] = {**body["spec"], **task(containers=sidecars, priorityClassName="high")}
    demand = task_from(body).demand
    assert demand.resources & {"example.org/d0", CATCH_ALL}
    slim = slim_task(body, LARGE_TASK)
    assert task_from(slim).demand is demand
    assert task_from(slim_task(slim, 0)).demand is demand
    assert len(repr(slim)) < 2000
