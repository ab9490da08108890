"""What a task waits for is told, in the words of who keeps it waiting, and has a deadline."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from tests.api import kubelet
from tests.api.audit import writes
from tests.api.operator_process import OperatorProcess
from tests.api.pool import Pool
from tests.api.team import Json, Team, manifest
from tests.api.times import SLOWNESS, completed_at, created_at, now, parse, seconds, wait_for

NOWHERE = {"nodeSelector": {"none": "such"}}
GATE = {"name": "example.com/budget"}
NO_IMAGE = 'Back-off pulling image "trainer:1"'


@pytest.fixture(scope="module")
def silent(cluster: Cluster) -> Iterator[Json]:
    """The placement of Pods on a node whose kubelet the tests play."""
    with Pool(cluster) as pool:
        pool.add(is_silent=True, cpus=64)
        yield {"spec": pool.placement}


@pytest.fixture(scope="module", autouse=True)
def slow_stories(shared_team: Team, silent: Json) -> None:
    """Begin what takes longest; tests at the end of this file see how it ended."""
    shared_team.apply(
        manifest("never-pulled", template=silent, pendingDeadlineSeconds=10),
        manifest("in-time", fate={"run_seconds": 15}, pendingDeadlineSeconds=10),
    )
    pod = kubelet.receive(shared_team, "never-pulled")
    kubelet.report_waiting(shared_team, pod, "ImagePullBackOff", NO_IMAGE)


def why(status: Json) -> tuple[str, str | None, str | None]:
    """Return phase, reason and message."""
    return status["phase"], status.get("reason"), status.get("message")


def status_writes(team: Team, task: str) -> int:
    """Return how many times the operator wrote the task's status."""
    return writes(team)["patch mltasks/status"].count(task)


def test_the_schedulers_own_words_until_there_is_a_node(shared_team: Team) -> None:
    team = shared_team
    with Pool(team.cluster) as pool:
        team.run("homeless", template={"spec": pool.placement})
        team.wait_for_reason("homeless", "Unschedulable")
        status = team.status("homeless")
        pod = team.get("pod", status["podName"])
        [words] = [c["message"] for c in pod["status"]["conditions"] if c["type"] == "PodScheduled"]
        assert why(status) == ("Pending", "Unschedulable", words)
        assert "didn't match Pod's node affinity/selector" in words
        assert status["attempts"] == 1

        node = pool.add()
        team.wait_for_phase("homeless", "Running")
        status = team.status("homeless")
        assert (*why(status), status["nodeName"]) == ("Running", None, None, node)
        kubelet.end(team, "homeless")
        team.finish("homeless")


def test_a_gated_pod_and_the_pending_deadline_that_begins_once_it_is_free(
    shared_team: Team,
) -> None:
    team = shared_team
    template = {"spec": {**NOWHERE, "schedulingGates": [GATE]}}
    team.run("gated", template=template, pendingDeadlineSeconds=2)
    team.wait_for_reason("gated", "SchedulingGated")
    assert "non-empty scheduling gates" in team.status("gated")["message"]
    wait_for(created_at(team, "gated", 1) + seconds(4))
    assert why(team.status("gated"))[:2] == ("Pending", "SchedulingGated")

    pod = team.status("gated")["podName"]
    lift = '--patch=[{"op": "remove", "path": "/spec/schedulingGates"}]'
    freed_at = now().replace(microsecond=0)
    team.kubectl("patch", "pod", pod, "--type=json", lift)
    team.wait("gated", "jsonpath={.status.pendingSince}")
    since = parse(team.status("gated")["pendingSince"])
    assert freed_at <= since < freed_at + SLOWNESS
    status = team.finish("gated")
    assert why(status)[:2] == ("Failed", "Unschedulable")
    assert since + seconds(2) <= completed_at(status) < since + seconds(2) + SLOWNESS


def test_the_pending_deadline_does_not_count_the_time_that_a_task_waits_for_quota(
    team: Team, operator: OperatorProcess
) -> None:
    team.kubectl("create", "quota", "compute", "--hard=pods=0")
    team.run("queued", fate={"run_seconds": 0}, pendingDeadlineSeconds=4)
    team.wait_for_reason("queued", "QuotaExceeded")
    wait_for(parse(team.get("mltask", "queued")["metadata"]["creationTimestamp"]) + seconds(6))
    team.kubectl("patch", "quota", "compute", '--patch={"spec": {"hard": {"pods": "1"}}}')
    assert team.finish("queued")["phase"] == "Succeeded"


def test_labels_for_kueue_reach_the_pod_and_others_do_not(shared_team: Team) -> None:
    queue = {"kueue.x-k8s.io/queue-name": "research", "kueue.x-k8s.io/priority-class": "low"}
    task = manifest("queued", template={"spec": NOWHERE})
    task["metadata"]["labels"] = {**queue, "team": "vision"}
    shared_team.apply(task)
    labels = shared_team.pod_of("queued")["metadata"]["labels"]
    assert {name: labels[name] for name in labels if not name.startswith("mltask.dev/")} == queue


def test_what_a_kubelet_waits_for(shared_team: Team, silent: Json) -> None:
    team = shared_team
    words = {
        "ErrImagePull": "registry.example.com: no such host",
        "ImagePullBackOff": NO_IMAGE,
        "ErrImageNeverPull": "Container image is not present with pull policy of Never",
        "InvalidImageName": "couldn't parse image name",
        "CreateContainerConfigError": 'configmap "settings" not found',
        "CreateContainerError": "context deadline exceeded",
    }
    team.apply(*(manifest(reason.lower(), template=silent) for reason in words))
    for reason, message in words.items():
        pod = kubelet.receive(team, reason.lower())
        kubelet.report_waiting(team, pod, reason, message)
    for reason, message in words.items():
        team.wait_for_reason(reason.lower(), reason)
        assert why(team.status(reason.lower())) == ("Pending", reason, message)

    kubelet.start(team, "imagepullbackoff")
    team.wait_for_phase("imagepullbackoff", "Running")
    assert why(team.status("imagepullbackoff")) == ("Running", None, None)


def test_what_every_pod_goes_through_is_told_only_if_it_lasts(
    shared_team: Team, silent: Json
) -> None:
    team = shared_team
    team.run("slow-to-start", template=silent)
    pod = kubelet.receive(team, "slow-to-start")
    reported_at = now()
    kubelet.report_waiting(team, pod, "ContainerCreating")
    team.wait_for_reason("slow-to-start", "ContainerCreating")
    assert now() - reported_at >= seconds(5)
    assert team.status("slow-to-start")["phase"] == "Pending"


def test_a_flapping_reason_costs_no_write_each_time(shared_team: Team, silent: Json) -> None:
    team = shared_team
    team.run("flapping", template=silent)
    pod = kubelet.receive(team, "flapping")
    began = now()
    for _ in range(10):
        kubelet.report_waiting(team, pod, "ErrImagePull", "no such host")
        kubelet.report_waiting(team, pod, "ImagePullBackOff", NO_IMAGE)
    team.wait_for_reason("flapping", "ImagePullBackOff")
    assert status_writes(team, "flapping") <= 1 + (now() - began) / seconds(1)


def test_changing_words_cost_no_write_each_time(shared_team: Team) -> None:
    team = shared_team
    # No scheduler of this name: what one would say, the test says.
    team.run("talked-about", template={"spec": {"schedulerName": "none"}})
    pod = team.pod_of("talked-about")["metadata"]["name"]
    began = now()
    for number in range(10):
        unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        words = f"0/{number} nodes are available"
        kubelet.report(team, pod, conditions=[{**unschedulable, "message": words}])
        team.wait_for_reason("talked-about", "Unschedulable")
    # What is written after them shows that they were all seen.
    kubelet.report(team, pod, conditions=[{"type": "PodScheduled", "status": "True"}])
    kubelet.report_waiting(team, pod, "ErrImagePull", "no such host")
    team.wait_for_reason("talked-about", "ErrImagePull")
    assert status_writes(team, "talked-about") <= 2 + (now() - began) // seconds(60)


def test_a_task_that_has_no_node_in_time_fails(shared_team: Team) -> None:
    shared_team.run("never-placed", template={"spec": NOWHERE}, pendingDeadlineSeconds=2)
    due = created_at(shared_team, "never-placed", 1) + seconds(2)
    status = shared_team.finish("never-placed")
    assert why(status)[:2] == ("Failed", "Unschedulable")
    assert status["message"].startswith("not running within pendingDeadlineSeconds (2): 0/")
    assert due <= completed_at(status) < due + SLOWNESS


def test_a_task_whose_container_does_not_start_in_time_fails(shared_team: Team) -> None:
    shared_team.wait("never-pulled", "condition=Failed")
    words = f"not running within pendingDeadlineSeconds (10): {NO_IMAGE}"
    status = shared_team.status("never-pulled")
    assert why(status) == ("Failed", "ImagePullBackOff", words)
    kubelet.remove(shared_team, status["podName"])
    shared_team.wait_for_no_pods("never-pulled")


def test_a_task_that_has_started_may_run_on(shared_team: Team) -> None:
    status = shared_team.finish("in-time")
    assert why(status)[:2] == ("Succeeded", "Completed")
