"""Simulated nodes treat Pods as a real one does."""

from localcluster import Cluster
from tests.localcluster import pods
from tests.waiting import wait_until


def test_a_pod_that_does_its_work_succeeds(cluster: Cluster) -> None:
    script = "echo -n 0.97 > /dev/termination-log"
    pods.create(cluster, "succeeds", script, run_seconds=0.1, message=0.97)
    pod = pods.wait_for_phase(cluster, "succeeds", "Succeeded")
    assert pods.ends(pod) == {
        "prepare": (0, "Completed", ""),
        "main": (0, "Completed", "0.97"),
        "beside": (0, "Completed", ""),
    }
    assert pod["status"]["startTime"]
    pods.release(cluster, "succeeds")


def test_a_pod_that_ends_with_an_exit_code_fails(cluster: Cluster) -> None:
    script = "echo -n 'no data' > /dev/termination-log; exit 3"
    pods.create(cluster, "fails", script, run_seconds=0.1, exit_code=3, message="no data")
    pod = pods.wait_for_phase(cluster, "fails", "Failed")
    assert pods.ends(pod)["main"] == (3, "Error", "no data")
    assert pods.ends(pod)["beside"] == (0, "Completed", "")
    pods.release(cluster, "fails")


def test_a_pod_runs_on_unless_it_is_told_to_end(cluster: Cluster) -> None:
    pods.create(cluster, "runs-on")
    pod = pods.wait_for_phase(cluster, "runs-on", "Running")
    assert pods.ends(pod)["prepare"] == (0, "Completed", "")
    assert "main" not in pods.ends(pod)
    pods.release(cluster, "runs-on")
    cluster.kubectl("delete", "pod", "runs-on", "--wait=false")
    pods.wait_until_gone(cluster, "runs-on")


def test_a_running_pod_that_is_deleted_fails_and_stays_for_its_finalizer(cluster: Cluster) -> None:
    pods.create(cluster, "killed")
    pods.wait_for_phase(cluster, "killed", "Running")
    cluster.kubectl("delete", "pod", "killed", "--wait=false")
    pod = pods.wait_for_phase(cluster, "killed", "Failed")
    assert pods.ends(pod)["main"] == (137, "Error", "")
    wait_until(
        lambda: pods.read(cluster, "killed")["metadata"]["deletionGracePeriodSeconds"] == 0,
        "the kubelet has given the grace period back",
    )
    assert pods.read(cluster, "killed")["metadata"]["finalizers"] == [pods.FINALIZER]
    pods.release(cluster, "killed")
    assert not pods.read(cluster, "killed"), "the API server removes it in the same moment"


def test_an_ended_pod_that_is_deleted_stays_as_it_is_for_its_finalizer(cluster: Cluster) -> None:
    pods.create(cluster, "ended", "true", run_seconds=0.1)
    before = pods.wait_for_phase(cluster, "ended", "Succeeded")
    cluster.kubectl("delete", "pod", "ended", "--wait=false")
    after = pods.read(cluster, "ended")
    assert after["metadata"]["deletionTimestamp"]
    assert after["metadata"]["finalizers"] == [pods.FINALIZER]
    assert pods.ends(after) == pods.ends(before)
    pods.release(cluster, "ended")
    assert not pods.read(cluster, "ended"), "the API server removes it in the same moment"


def test_a_pod_that_fits_nowhere_waits(cluster: Cluster) -> None:
    pods.create(cluster, "large", limits={"cpu": "10k"})
    condition = '--for=jsonpath={.status.conditions[?(@.type=="PodScheduled")].reason}'
    cluster.kubectl("wait", f"{condition}=Unschedulable", "pod/large", "--timeout=60s")
    pods.release(cluster, "large")
    cluster.kubectl("delete", "pod", "large", "--wait=false")
    pods.wait_until_gone(cluster, "large")


def test_a_pod_that_takes_too_much_memory_is_killed(cluster: Cluster) -> None:
    simulated: pods.Json = {"run_seconds": 0.1, "exit_code": 137, "reason": "OOMKilled"}
    pods.create(cluster, "oom", "exec tail /dev/zero", {"memory": "32Mi"}, **simulated)
    pod = pods.wait_for_phase(cluster, "oom", "Failed")
    assert pods.ends(pod)["main"] == (137, "OOMKilled", "")
    pods.release(cluster, "oom")


def test_init_containers_run_one_after_another(cluster: Cluster) -> None:
    before = {"first": "echo -n 0.5 > /dev/termination-log; sleep 1", "second": "sleep 1"}
    simulated: pods.Json = {"step_seconds": 1, "message.first": 0.5, "run_seconds": 0.1}
    pods.create(cluster, "ordered", "true", before=before, **simulated)
    pod = pods.wait_for_phase(cluster, "ordered", "Succeeded")
    assert pods.is_initialized(pod)
    assert pods.ends(pod) == {
        "first": (0, "Completed", "0.5"),
        "second": (0, "Completed", ""),
        "main": (0, "Completed", ""),
        "beside": (0, "Completed", ""),
    }
    first, second, main, _ = (state["terminated"] for state in pods.states(pod).values())
    assert first["startedAt"] < first["finishedAt"] <= second["startedAt"]
    assert second["startedAt"] < second["finishedAt"] <= main["startedAt"]
    pods.release(cluster, "ordered")


def test_an_init_container_that_fails_fails_the_pod_at_once(cluster: Cluster) -> None:
    before = {"first": "true", "second": "echo -n 'no data' > /dev/termination-log; exit 3"}
    simulated: pods.Json = {"step_seconds": 0.1, "exit_code.second": 3, "message.second": "no data"}
    pods.create(cluster, "unprepared", before={**before, "third": "true"}, **simulated)
    pod = pods.wait_for_phase(cluster, "unprepared", "Failed")
    assert not pods.is_initialized(pod)
    assert pods.ends(pod) == {"first": (0, "Completed", ""), "second": (3, "Error", "no data")}
    assert pods.waiting(pod) == dict.fromkeys(("third", "main", "beside"), "PodInitializing")
    pods.release(cluster, "unprepared")


def test_a_pod_that_is_deleted_while_it_initializes_fails(cluster: Cluster) -> None:
    before = {"first": "true", "second": "sleep 600", "third": "true"}
    simulated: pods.Json = {"step_seconds": 0.1, "step_seconds.second": 600}
    pods.create(cluster, "cut-short", before=before, **simulated)
    pod = pods.wait_for_start(cluster, "cut-short", 1)
    assert pod["status"]["phase"] == "Pending"
    assert not pods.is_initialized(pod)
    assert pods.ends(pod) == {"first": (0, "Completed", "")}
    assert pods.waiting(pod) == dict.fromkeys(("third", "main", "beside"), "PodInitializing")
    cluster.kubectl("delete", "pod", "cut-short", "--wait=false")
    pod = pods.wait_for_phase(cluster, "cut-short", "Failed")
    assert pods.ends(pod) == {"first": (0, "Completed", ""), "second": (137, "Error", "")}
    assert pods.waiting(pod) == dict.fromkeys(("third", "main", "beside"), "PodInitializing")
    pods.release(cluster, "cut-short")
