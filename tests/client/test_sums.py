"""What tasks took, how much is allocated, and how that is shown."""

from decimal import Decimal

import pytest

from kubectl_mltask import board, usage
from kubectl_mltask.capacity import GIB, node_shares, quota_shares, requested
from kubectl_mltask.output import columns, printable
from kubectl_mltask.run import prefix_from
from kubectl_mltask.usage import Usage
from tests.client.bodies import NOW, Json, a_task, ago

HOURS_2 = {"requests": {"cpu": "500m", "memory": "2Gi", "nvidia.com/gpu": "4"}, "seconds": 7200}


# Usage


def test_what_an_ended_task_took() -> None:
    task = a_task(phase="Succeeded", allocation=HOURS_2)
    assert usage.usage(task, NOW) == Usage(1, 1.0, 4.0, 8.0)


def test_what_runs_counts_until_now() -> None:
    task = a_task(
        phase="Running", startTime=ago(1800), allocation={"requests": {"cpu": "2"}, "seconds": 3600}
    )
    assert usage.usage(task, NOW).cpu_hours == 3.0


def test_what_has_had_nothing_took_nothing() -> None:
    assert usage.usage(a_task(), NOW) == Usage(1)


def test_attempts_that_asked_for_less_memory_count_with_theirs() -> None:
    def attempt(number: int, begin: float, end: float, **more: str) -> Json:
        times = {"startTime": ago(begin), "completionTime": ago(end)}
        return {"attempt": number, "reason": "OOMKilled", "podName": "p", **times, **more}

    task = a_task(
        spec={
            "onOutOfMemory": {"maxMemory": "8Gi"},
            "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        },
        phase="Succeeded",
        allocation={"requests": {"cpu": "1", "memory": "4Gi"}, "seconds": 3 * 3600},
        history=[attempt(1, 10800, 7200), attempt(2, 7200, 3600, memory="2Gi")],
    )
    assert usage.usage(task, NOW).memory_gib_hours == pytest.approx(1 + 2 + 4)


def test_groups_are_summed_and_the_largest_comes_first() -> None:
    def labelled(name: str, team: str, seconds: int) -> Json:
        return {
            "name": name,
            "metadata": {"labels": {"team": team}},
            "allocation": {"requests": {"cpu": "1"}, "seconds": seconds},
        }

    tasks = [a_task(**how) for how in (labelled("a", "x", 3600), labelled("b", "y", 7200))]
    tasks += [a_task(**labelled("c", "x", 7200)), a_task("d")]
    assert usage.totals(tasks, usage.by_label("team"), NOW) == {
        "x": Usage(2, 3.0),
        "y": Usage(1, 2.0),
        "<none>": Usage(1),
    }
    assert list(usage.totals(tasks, usage.by_namespace, NOW)) == ["team-a"]
    assert len(usage.totals(tasks, usage.by_task, NOW)) == 4


# Capacity


def container(cpu: str, **more: str) -> Json:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("1"), container("500m")]}, "1.5"),
        ({"containers": [container("1")], "initContainers": [container("3")]}, "3"),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("2", restartPolicy="Always"), container("500m")],
            },
            "3",
        ),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("2", restartPolicy="Always"), container("4")],
            },
            "6",
        ),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "5"}}}, "5"),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, "1.25"),
    ],
)
def test_a_pod_takes_what_the_scheduler_counts(spec: Json, cpu: str) -> None:
    assert requested({"spec": spec})["cpu"] == Decimal(cpu)


def test_only_pods_on_nodes_that_have_not_ended_take_room() -> None:
    def pod(node: str | None, phase: str) -> Json:
        return {
            "spec": {"nodeName": node, "containers": [container("1")]},
            "status": {"phase": phase},
        }

    allocatable = {"cpu": "4", "memory": str(8 * GIB), "pods": "110", "nvidia.com/gpu": "2"}
    nodes = [{"status": {"allocatable": allocatable}}] * 2
    pods = [pod("a", "Running"), pod("a", "Succeeded"), pod(None, "Pending"), pod("b", "Pending")]
    assert list(map(str, node_shares(nodes, pods))) == [
        "cpu 2 of 8",
        "memory 0 of 16 GiB",
        "nvidia.com/gpu 0 of 4",
    ]


def test_a_quota_tells_what_is_used_of_it() -> None:
    quota = {
        "status": {
            "hard": {"pods": "20", "requests.memory": "4Gi", "requests.cpu": "2500m"},
            "used": {"pods": "3", "requests.memory": "512Mi"},
        }
    }
    assert list(map(str, quota_shares(quota))) == [
        "pods 3 of 20",
        "requests.cpu 0 of 2.5",
        "requests.memory 0.5 of 4 GiB",
    ]


# What is shown


def test_the_table_has_what_is_open_first_and_why_it_waits() -> None:
    tasks = [
        a_task("done", phase="Succeeded", reason="Completed", message="0", completionTime=ago(9)),
        a_task("failed", phase="Failed", reason="OOMKilled", completionTime=ago(5)),
        a_task("waits", reason="Unschedulable", message="0/4 nodes\nare available", attempts=1),
        a_task("runs", phase="Running", startTime=ago(200), spec={"activeDeadlineSeconds": 600}),
    ]
    assert board.table(tasks, NOW, everywhere=False) == [
        "NAME     PHASE       REASON          PROGRESS       ATTEMPTS   MESSAGE",
        "runs     Running                     3m20s of 10m   0",
        "waits    Pending     Unschedulable                  1          0/4 nodes are available",
        "failed   Failed      OOMKilled                      0",
        "done     Succeeded   Completed                      0",
    ]
    assert board.table(tasks, NOW, everywhere=True)[0].startswith("NAMESPACE   NAME")


def test_steps_are_counted() -> None:
    task = a_task(
        spec={"steps": [{"name": "a"}, {"name": "b"}]},
        phase="Running",
        startTime=ago(5),
        steps=[{"name": "a", "phase": "Succeeded"}, {"name": "b", "phase": "Running"}],
    )
    assert board.progress(task, NOW) == "1/2 steps, 5s"


def test_the_summary_counts_and_has_a_bar() -> None:
    tasks = [a_task(phase="Succeeded"), a_task(phase="Failed"), a_task(), a_task(phase="Running")]
    expected = "[##########..........] 2 of 4 finished: 1 Running, 1 Pending, 1 Failed, 1 Succeeded"
    assert board.summary(tasks) == expected
    assert board.summary([]) == "[....................] 0 of 0 finished"


def test_what_one_may_not_look_at_is_told() -> None:
    assert board.capacity(None, [], None) == [
        "nodes: you may not list nodes and the Pods of all namespaces",
        "quota: you may not list resourcequotas",
    ]


def test_a_phase_that_only_a_newer_version_knows_is_shown_as_a_word() -> None:
    tasks = [a_task("new", phase="Admit\x1bted", reason="A\nB"), a_task("waits")]
    assert [line.split() for line in board.table(tasks, NOW, everywhere=False)[1:]] == [
        ["waits", "Pending", "0"],
        ["new", "Admit\\x1bted", "A\\nB", "0"],
    ]
    assert board.summary(tasks).endswith("0 of 2 finished: 1 Pending, 1 Admit\\x1bted")


def test_control_characters_are_escaped_but_lines_stay() -> None:
    assert printable("a\tb\nc\x1b[2J\r\u202e") == "a\tb\nc\\x1b[2J\\r\\u202e"
    assert columns(("A",), [("x\x1b",)]) == ["A", "x\\x1b"]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns(("A", "B"), [("long", ""), ("x", "y")]) == ["A      B", "long", "x      y"]


@pytest.mark.parametrize(
    ("image", "prefix"),
    [
        ("busybox:1.37", "busybox-"),
        ("registry:5000/team/My_Trainer@sha256:abc", "my-trainer-"),
        ("___", "task-"),
        ("x" * 80, "x" * 57 + "-"),
    ],
)
def test_a_task_is_named_after_its_image(image: str, prefix: str) -> None:
    assert prefix_from(image) == prefix
