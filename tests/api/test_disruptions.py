"""What befalls a Pod from outside is counted apart, and a further attempt follows by itself."""

import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from localcluster import Cluster
from tests.api import kubelet
from tests.api.pool import Pool
from tests.api.team import Json, Team, manifest
from tests.api.times import SLOWNESS, completed_at, created_at, seconds

# With this a further attempt would be ten minutes late, were a disruption taken for a failure.
LONG_BACKOFF: Json = {"backoffLimit": 3, "backoff": {"baseSeconds": 600, "maxSeconds": 6000}}
NO_GRACE = "no-grace"
"""The task with a terminationGracePeriodSeconds of 0."""
REJECTIONS = ("OutOfcpu", "UnexpectedAdmissionError")
# Kubernetes waits 40 s before it counts the Pods of a Node object that is gone as lost, and looks
# every 20 s.
QUARANTINE = seconds(40)
COLLECTED = 120
# What lifecycle/disruption.py gives a node to confirm a Pod's end, after a deletion by force.
UNCONFIRMED = seconds(60)


def grace(task: str) -> int:
    """Return the terminationGracePeriodSeconds of the task's Pods."""
    return 0 if task == NO_GRACE else 1


@pytest.fixture(scope="module")
def pools(cluster: Cluster) -> Iterator[dict[str, Pool]]:
    """Nodes for the Pods of one task each: a silent one at first."""
    with ExitStack() as stack:
        created = {}
        for task in ("unreachable", "node-gone", "forced", NO_GRACE, *REJECTIONS):
            pool = stack.enter_context(Pool(cluster))
            pool.add(is_silent=True)
            created[task.lower()] = pool
        yield created


@pytest.fixture(scope="module", autouse=True)
def slow_stories(shared_team: Team, pools: dict[str, Pool]) -> None:
    """Begin what takes up to a minute; tests at the end of this file see how it ended."""
    team = shared_team
    team.apply(
        *(
            manifest(
                task,
                template={
                    "spec": {
                        **pool.placement,
                        "terminationGracePeriodSeconds": grace(task),
                    }
                },
                **LONG_BACKOFF,
            )
            for task, pool in pools.items()
        )
    )
    for word in REJECTIONS:
        pod = kubelet.receive(team, word.lower())
        kubelet.report(team, pod, phase="Failed", reason=word, message=f"Pod was rejected: {word}")
    pods = {task: kubelet.start(team, task) for task in ("node-gone", "forced", NO_GRACE)}
    # Of a Pod that its node never took up there was nothing to tell so far.
    pods["unreachable"] = kubelet.receive(team, "unreachable")
    team.kubectl("delete", "pod", pods["forced"], "--force", "--wait=false")
    for task in ("unreachable", "node-gone", NO_GRACE):
        pools[task].drive_out(pools[task].nodes[0])
        kubelet.hear_of_deletion(team, pods[task])
    pools["node-gone"].add()
    pools["node-gone"].remove(pools["node-gone"].nodes[0])


def record_of(team: Team, task: str, attempt: int = 1) -> Json:
    """Wait until the attempt has an end in the task's history, and return that."""
    team.wait(task, f"jsonpath={{.status.history[{attempt - 1}].attempt}}={attempt}", COLLECTED)
    found: Json = team.status(task)["history"][attempt - 1]
    return found


def counted(team: Team, task: str) -> tuple[int, int]:
    """Return how many disruptions and failures the task has had."""
    status = team.status(task)
    return status.get("disruptions", 0), status.get("failures", 0)


@pytest.mark.parametrize(("how", "reason"), [("delete", "PodDeleted"), ("evict", "PodEvicted")])
def test_a_deleted_or_evicted_pod_is_followed_by_another(
    shared_team: Team, how: str, reason: str
) -> None:
    team, task = shared_team, f"to-{how}"
    team.run(task, **LONG_BACKOFF)
    for attempt in (1, 2):
        team.wait(task, f"jsonpath={{.status.attempts}}={attempt}")
        team.wait_for_phase(task, "Running")
        pod = team.status(task)["podName"]
        if how == "delete":
            team.kubectl("delete", "pod", pod, "--wait=false")
        else:
            team.evict(pod)
        record = record_of(team, task, attempt)
        assert (record["reason"], record["podName"]) == (reason, pod)
    assert counted(team, task) == (2, 0)

    # Nor does the first failure wait for longer than it would have without the disruptions.
    kubelet.end(team, task, attempt=3, exit_code=3)
    team.wait_for_reason(task, "BackingOff")
    assert "the next one follows 600 s after that" in team.status(task)["message"]
    assert counted(team, task) == (2, 1)


def test_a_pod_deleted_before_it_had_a_node_is_followed_by_another(shared_team: Team) -> None:
    team = shared_team
    team.run("nowhere", template={"spec": {"nodeSelector": {"none": "such"}}}, **LONG_BACKOFF)
    first = team.pod_of("nowhere")["metadata"]["name"]
    team.kubectl("delete", "pod", first, "--timeout=120s")
    record = record_of(team, "nowhere")
    assert (record["reason"], record["podName"]) == ("PodDeleted", first)
    # At once: no kubelet is there to confirm that it has ended.
    assert created_at(team, "nowhere", 2) - completed_at(record) < seconds(1) + SLOWNESS
    assert counted(team, "nowhere") == (1, 0)


def test_a_preempted_task_runs_again_once_there_is_room(shared_team: Team) -> None:
    team, one_cpu = shared_team, {"requests": {"cpu": "1"}}
    urgent = f"urgent-{uuid.uuid4().hex[:8]}"
    with Pool(team.cluster) as pool:
        pool.add(cpus=1)
        team.cluster.kubectl("create", "priorityclass", urgent, "--value=1000")
        team.run("patient", template={"spec": pool.placement}, resources=one_cpu, **LONG_BACKOFF)
        team.wait_for_phase("patient", "Running")
        team.run(
            "urgent",
            fate={"run_seconds": 1},
            template={"spec": {**pool.placement, "priorityClassName": urgent}},
            resources=one_cpu,
        )
        assert record_of(team, "patient")["reason"] == "PodPreempted"
        assert team.finish("urgent")["phase"] == "Succeeded"
        team.wait_for_phase("patient", "Running")
        assert team.status("patient")["attempts"] == 2
        assert counted(team, "patient") == (1, 0)
        team.cluster.kubectl("delete", "priorityclass", urgent)


@pytest.mark.parametrize("word", REJECTIONS)
def test_a_pod_that_the_kubelet_rejects_is_followed_by_another_ten_seconds_later(
    shared_team: Team, word: str
) -> None:
    task = word.lower()
    record = record_of(shared_team, task)
    assert record["reason"] == "PodRejected"
    assert f"{word}: Pod was rejected: {word}" in record["message"]
    pause = created_at(shared_team, task, 2) - completed_at(record)
    assert seconds(10) <= pause < seconds(20)
    assert counted(shared_team, task) == (1, 0)


def test_a_node_that_does_not_confirm_a_pods_end_is_told_of(
    shared_team: Team, pools: dict[str, Pool]
) -> None:
    shared_team.wait_for_reason("unreachable", "NodeUnreachable")
    status = shared_team.status("unreachable")
    [node] = pools["unreachable"].nodes
    assert f"its node {node} does not confirm that it has" in status["message"]
    assert (status["attempts"], status["nodeName"]) == (1, node)
    assert shared_team.pod_of("unreachable")["metadata"]["name"] == status["podName"]


def test_a_pod_deleted_by_force_is_taken_for_dead_a_minute_later(shared_team: Team) -> None:
    record = record_of(shared_team, "forced")
    assert record["reason"] == "NodeLost"
    pause = created_at(shared_team, "forced", 2) - completed_at(record)
    assert UNCONFIRMED <= pause < UNCONFIRMED + seconds(10)
    assert counted(shared_team, "forced") == (1, 0)


def test_a_pod_without_a_grace_period_is_not_taken_for_deleted_by_force(shared_team: Team) -> None:
    record_of(shared_team, "forced")  # by then the minute after a deletion by force is over
    shared_team.wait_for_reason(NO_GRACE, "NodeUnreachable")
    status = shared_team.status(NO_GRACE)
    assert status["attempts"] == 1
    assert "delete the Node object" in status["message"]
    assert shared_team.pod_of(NO_GRACE)["metadata"]["name"] == status["podName"]


def test_a_pod_whose_node_object_is_deleted_is_followed_by_another_elsewhere(
    shared_team: Team, pools: dict[str, Pool]
) -> None:
    record = record_of(shared_team, "node-gone")
    assert record["reason"] == "NodeLost"
    # Kubernetes says that the Pod is dead, and not before that does the next one start.
    assert created_at(shared_team, "node-gone", 2) >= completed_at(record) + QUARANTINE
    shared_team.wait_for_phase("node-gone", "Running")
    status = shared_team.status("node-gone")
    lost, spare = pools["node-gone"].nodes
    assert (record["nodeName"], status["nodeName"]) == (lost, spare)
    assert counted(shared_team, "node-gone") == (1, 0)
