"""The demo's picture and its checks follow from what the API server tells."""

from typing import Any

import pytest
from rich.console import Console

from demo import checks, tasks
from demo.__main__ import ALLOCATABLE_CPUS
from demo.capacity import GIB, Resources, allocated_on
from demo.table import Picture, node_line, row
from demo.view import View

NAMES = ("digits-mlp-16", "digits-diverging")


def a_task(name: str, **status: Any) -> dict[str, Any]:
    return {
        "kind": "MLTask",
        "metadata": {"name": name, "uid": name},
        "spec": {"resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}},
        "status": {"phase": "Pending", **status},
    }


def a_pod(
    uid: str, task: str = "", *, node: str | None = None, phase: str = "Pending"
) -> dict[str, Any]:
    requests = {"cpu": "500m", "memory": "512Mi"}
    pod: dict[str, Any] = {
        "kind": "Pod",
        "metadata": {"name": uid, "uid": uid, "labels": {"mltask.dev/task": task}},
        "spec": {"containers": [{"name": "main", "resources": {"requests": requests}}]},
        "status": {"phase": phase},
    }
    if node:
        pod["spec"]["nodeName"] = node
    return pod


def unschedulable(pod: dict[str, Any]) -> dict[str, Any]:
    pod["status"]["conditions"] = [{"type": "PodScheduled", "reason": "Unschedulable"}]
    return pod


def a_node(name: str = "node-1") -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {"name": name, "uid": name},
        "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}},
    }


def a_view(*things: dict[str, Any]) -> View:
    view = View(NAMES)
    for thing in things:
        view.observe("ADDED", thing)
    return view


def a_view_as_promised() -> View:
    """Both tasks ended as they should, each with one Pod that waited for room and is gone."""
    view = a_view(
        a_node(),
        a_task(NAMES[0], phase="Succeeded", exitCode=0, result='{"accuracy": 0.9733}'),
        a_task(NAMES[1], phase="Failed", exitCode=3, logTail="round 1\nerror: it diverged"),
    )
    for name in NAMES:
        view.observe("ADDED", unschedulable(a_pod(f"{name}-pod", name)))
        view.observe("MODIFIED", a_pod(f"{name}-pod", name, node="node-1", phase="Running"))
        view.observe("DELETED", a_pod(f"{name}-pod", name, node="node-1", phase="Succeeded"))
    return view


def broken_promises(view: View) -> list[str]:
    results = checks.check(view, before=Resources(), trains=True, has_to_wait=True)
    return [result.promise for result in results if not result.kept]


def test_only_pods_that_are_bound_and_have_not_ended_are_allocated() -> None:
    pods = [
        a_pod("waits"),
        a_pod("runs", node="node-1", phase="Running"),
        a_pod("starts", node="node-1"),
        a_pod("elsewhere", node="node-2", phase="Running"),
        a_pod("ended", node="node-1", phase="Succeeded"),
    ]
    assert allocated_on("node-1", pods) == Resources.of({"cpu": "1", "memory": "1Gi"})


def test_the_node_line_says_how_much_of_how_much() -> None:
    view = a_view(a_node(), a_pod("one", node="node-1"))
    line = node_line(view, view.nodes["node-1"])
    assert "CPU #####............... 0.5 of 2.0" in line
    assert "0.50 of 4.0 GiB" in line
    assert view.peak.memory == GIB / 2


def test_a_task_that_waits_for_room_says_so_in_its_row() -> None:
    view = a_view(a_task(NAMES[0]), unschedulable(a_pod("one", NAMES[0])))
    assert row(view, NAMES[0]).reason == "(unschedulable)"
    view.observe("MODIFIED", a_pod("one", NAMES[0], node="node-1"))
    assert row(view, NAMES[0]).reason == ""


def test_a_task_that_nobody_has_seen_yet_has_an_empty_row() -> None:
    assert str(row(a_view(), NAMES[0])) == NAMES[0]


def test_without_a_terminal_only_changes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    view = a_view(a_task(NAMES[0]), a_task(NAMES[1]))
    with Picture(Console(force_terminal=False)) as picture:
        picture.show(view)
        capsys.readouterr()
        picture.show(view)
        assert capsys.readouterr().out == ""
        view.observe("MODIFIED", a_task(NAMES[1], phase="Running"))
        picture.show(view)
    (line,) = capsys.readouterr().out.splitlines()
    assert "digits-diverging" in line
    assert "Running" in line


def test_settled_means_every_outcome_is_there_and_no_pod() -> None:
    view = a_view_as_promised()
    assert view.is_settled()
    view.observe("ADDED", a_pod("late", NAMES[0]))
    assert not view.is_settled()
    assert not a_view(a_task(NAMES[0], phase="Succeeded")).is_settled()


def test_pods_of_others_are_none_of_the_demos_business() -> None:
    view = a_view_as_promised()
    view.observe("ADDED", a_pod("other", "somebody-elses-task"))
    assert view.is_settled()
    assert not broken_promises(view)


def test_everything_as_promised() -> None:
    assert broken_promises(a_view_as_promised()) == []


@pytest.mark.parametrize(
    ("event", "thing", "promise"),
    [
        ("MODIFIED", a_task(NAMES[0], phase="Failed", exitCode=1), "has Succeeded"),
        ("MODIFIED", a_task(NAMES[0], phase="Succeeded", result="good"), "has its accuracy"),
        ("MODIFIED", a_task(NAMES[1], phase="Failed", exitCode=1), "Failed with exit code 3"),
        ("MODIFIED", a_task(NAMES[1], phase="Failed", exitCode=3), "the end of its log"),
        ("ADDED", a_pod("a second one", NAMES[0]), "one Pod was made"),
        ("ADDED", a_pod("a second one", NAMES[0]), "no Pod is left"),
        ("ADDED", a_pod("other", node="node-1"), "is free again"),
    ],
)
def test_a_broken_promise_is_found(event: str, thing: dict[str, Any], promise: str) -> None:
    view = a_view_as_promised()
    view.observe(event, thing)
    assert any(promise in broken for broken in broken_promises(view))


def test_nobody_having_waited_is_found_where_not_all_tasks_fit() -> None:
    view = a_view_as_promised()
    view.have_waited.clear()
    assert broken_promises(view) == ["not all fitted at once, and releases let the others in"]


def test_the_examples_ask_for_more_than_the_demos_node_has() -> None:
    assert tasks.requested(tasks.load()).cpu > 2 * ALLOCATABLE_CPUS


def test_every_example_is_a_task_of_its_own() -> None:
    names = [manifest["metadata"]["name"] for manifest in tasks.load()]
    assert len(set(names)) == len(names)
    assert sum(map(tasks.is_trial, names)) >= 6
    assert set(tasks.EXIT_CODES) < set(names)
