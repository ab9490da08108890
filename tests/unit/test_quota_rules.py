"""Whom a task that waits for quota keeps waiting: those whose Pods the same quota counts."""

import gc
from types import FunctionType, ModuleType
from typing import Any

import pytest

from mltask_operator.kube import parse
from mltask_operator.lifecycle.observed import QuotaExcess, Task
from mltask_operator.runtime.quota_queue import QuotaQueue
from tests.unit.waiting_tasks import FOR_HIGH, PODS, Room, a_quota, a_waiting_task

Json = dict[str, Any]

GPU = "nvidia.com/gpu"
DISK = "ephemeral-storage"


@pytest.fixture
def room() -> Room:
    return Room()


def a_task(name: str, age: int, template: Json | None = None, requests: Json | None = None) -> Task:
    """Return a task of this age with this Pod template; its uid is its name."""
    body = {
        "metadata": {
            "namespace": "team-a",
            "name": name,
            "uid": name,
            "resourceVersion": "1",
            "creationTimestamp": f"2026-01-01T00:{59 - age:02}:00Z",
        },
        "spec": {
            "image": "i",
            "resources": {"requests": {"cpu": "1", **(requests or {})}},
            "template": {"spec": template or {}},
        },
    }
    return parse.task_from(body)


def exceeded(resource: str, quota: str = "compute") -> QuotaExcess:
    return QuotaExcess(quota=quota, resources=frozenset({resource}), never_fits=False)


def scoped(*scopes: str, classes: tuple[str, ...] = ()) -> Json:
    """Return the quota `compute`, with these scopes."""
    selectors: list[Json] = [{"scopeName": scope, "operator": "Exists"} for scope in scopes]
    if classes:
        in_classes = {"scopeName": "PriorityClass", "operator": "In", "values": list(classes)}
        selectors.append(in_classes)
    return a_quota(used=20, selectors=selectors)


def container(name: str, resource: str) -> Json:
    return {"name": name, "resources": {"requests": {resource: "1"}, "limits": {resource: "1"}}}


def admitted(*resources: str, priority_class: str | None = None) -> Json:
    """Return a Pod as admission has left it: its container requests these."""
    containers = [{"name": "main", "resources": {"requests": dict.fromkeys(resources, "1")}}]
    return {"spec": {"containers": containers, "priorityClassName": priority_class}}


# The template


@pytest.mark.parametrize(
    "template",
    [
        {"containers": [container("server", GPU)]},
        {"initContainers": [container("prepare", GPU)]},
        {"initContainers": [{**container("sidecar", GPU), "restartPolicy": "Always"}]},
    ],
    ids=["container", "init container", "sidecar"],
)
def test_any_container_that_needs_the_gpu_waits_for_it(room: Room, template: Json) -> None:
    room.refuse(a_task("old", 10, requests={GPU: "1"}), excess=exceeded(f"requests.{GPU}", "gpus"))
    assert room.may_ask(a_task("young", 1, template), a_task("plain", 1)) == ["plain"]


# Scopes


def test_a_terminating_task_does_not_wait_for_a_quota_of_those_that_are_not(room: Room) -> None:
    room.queue.note_quota("MODIFIED", scoped("NotTerminating"))
    room.refuse(a_task("old", 10))
    short = a_task("short", 1, {"activeDeadlineSeconds": 600})
    assert room.may_ask(short, a_task("young", 1)) == ["short"]


def test_a_quota_of_best_effort_pods_keeps_no_others_waiting(room: Room) -> None:
    room.queue.note_quota("MODIFIED", scoped("BestEffort"))
    nothing = {"cpu": "0"}
    room.refuse(a_task("old", 10, requests=nothing))
    young = a_task("young", 1, requests=nothing)
    assert room.may_ask(a_task("other", 1), young) == ["other"]


def test_another_scope_lets_those_go_that_it_leaves_out(room: Room) -> None:
    room.queue.note_quota("MODIFIED", scoped("NotTerminating"))
    old, young = a_task("old", 10, {"priorityClassName": "high"}), a_task("young", 1)
    room.refuse(old)
    room.park(young, a_task("high", 1, {"priorityClassName": "high"}))
    room.queue.wake_all()
    assert room.wakes() == []
    room.queue.note_quota("MODIFIED", scoped("NotTerminating", classes=("high",)))
    # The first may ask again, since the quota has other bounds.
    assert room.wakes() == ["old"]
    room.refuse(old)
    assert room.wakes() == ["young"]
    assert room.may_ask(old, young) == ["old", "young"]


def test_a_task_without_a_class_is_of_the_default_one() -> None:
    woken: list[str] = []
    default = ["high"]
    queue = QuotaQueue(woken.append, lambda _: 0, lambda: default[0])
    queue.note_quota(None, a_quota(used=20, selectors=FOR_HIGH))
    queue.refuse(a_task("old", 10, {"priorityClassName": "high"}), PODS, queue.releases("team-a"))
    young = a_task("young", 1)
    assert queue.behind(young) is not None
    queue.park(young)
    default[0] = "other"
    queue.wake_all()
    assert woken == ["young"]


def test_the_default_class_is_learned_where_it_cannot_be_listed(room: Room) -> None:
    room.queue.note_quota("MODIFIED", scoped(classes=("usual",)))
    room.refuse(a_task("old", 10, {"priorityClassName": "usual"}))
    young = a_task("young", 1)
    assert room.may_ask(young) == ["young"]
    room.queue.note_created(a_task("any", 5), admitted("cpu", priority_class="usual"))
    assert room.may_ask(young) == []
    room.park(young)
    room.queue.note_created(a_task("any", 5), admitted("cpu"))
    assert room.wakes() == ["young"]


# What admission adds


def test_what_a_limit_range_adds_is_learned_from_the_first_pod(room: Room) -> None:
    room.refuse(a_task("old", 10, requests={DISK: "1"}), excess=exceeded(f"requests.{DISK}"))
    first, young = a_task("first", 2), a_task("young", 1)
    assert room.may_ask(first) == ["first"]
    room.queue.note_created(first, admitted("cpu", DISK))
    assert room.may_ask(young) == []
    room.park(young)
    # The LimitRange is gone.
    room.queue.note_created(a_task("other", 5, requests={DISK: "0"}), admitted("cpu"))
    assert room.wakes() == ["young"]
    assert room.may_ask(young) == ["young"]


def test_it_is_learned_from_a_refusal_too(room: Room) -> None:
    room.refuse(a_task("old", 10), excess=exceeded(f"requests.{DISK}"))
    assert room.may_ask(a_task("young", 1, requests={GPU: "1"})) == []


def test_it_is_learned_for_pods_of_the_same_runtime_class_only(room: Room) -> None:
    sandbox = {"runtimeClassName": "sandbox"}
    room.refuse(a_task("old", 10, sandbox), excess=exceeded("requests.example.org/fpga"))
    assert room.may_ask(a_task("same", 1, sandbox), a_task("young", 1)) == ["young"]


def test_what_only_some_pods_get_is_learned_for_as_long_as_pods_get_it(room: Room) -> None:
    room.refuse(a_task("old", 10, requests={DISK: "1"}), excess=exceeded(f"requests.{DISK}"))
    young = a_task("young", 1)
    for disk, may_ask in (([DISK], []), ([], ["young"]), ([DISK], []), ([], ["young"])):
        room.queue.note_created(a_task("any", 5), admitted("cpu", *disk))
        assert room.may_ask(young) == may_ask


def test_nothing_is_learned_where_there_is_no_quota() -> None:
    queue = QuotaQueue(lambda _: None, lambda _: 0)
    queue.note_created(a_task("any", 5), admitted("cpu", DISK))
    assert queue.waiting() == {}


# Memory


def size_of(queue: QuotaQueue) -> int:
    """Count the objects that the queue keeps and the entries of its containers, at any depth."""
    found: dict[int, object] = {}
    waiting: list[object] = [queue]
    while waiting:
        each = waiting.pop()
        if id(each) not in found and not isinstance(each, (type, FunctionType, ModuleType)):
            found[id(each)] = each
            waiting += gc.get_referents(each)
    entries = sum(len(each) for each in found.values() if isinstance(each, (dict, list, set)))
    return len(found) + entries


def test_namespaces_that_are_gone_leave_nothing_behind() -> None:
    room = Room()
    queue = room.queue

    def come_and_go(number: int) -> None:
        namespace = f"pr-{number}"
        name = f"q{number}"
        for selectors in ((), FOR_HIGH):
            quota = a_quota(name, used=1, namespace=namespace, selectors=selectors)
            queue.note_quota("MODIFIED", quota)
        tasks = [
            a_waiting_task(
                f"{namespace}-{n}",
                age=n,
                namespace=namespace,
                priority_class=f"class-{number}",
                resources=(f"example.org/{namespace}-{n}",),
                runtime_class=f"runtime-{number}",
            )
            for n in range(4)
        ]
        room.park(*tasks)
        excess = exceeded(f"requests.example.org/{namespace}", name)
        room.refuse(*tasks[:2], excess=excess)
        room.refuse(tasks[2], excess=exceeded("pods", name))
        queue.note_created(tasks[3], admitted(f"example.org/{namespace}"))
        queue.wake_all()
        for task in tasks:
            queue.leave(task.uid)
        queue.note_quota("DELETED", quota)
        room.wakes()

    come_and_go(0)
    before = size_of(queue)
    for number in range(1, 50):
        come_and_go(number)
    # A few numbers are larger, and so are objects of their own.
    assert size_of(queue) <= before + 5
    assert queue.waiting() == {}
