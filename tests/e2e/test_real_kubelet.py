"""What only a real kubelet shows: containers that start, are told to end, and end as they do."""

from collections.abc import Iterator
from typing import Any

import pytest

from localcluster import Cluster
from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, Team, manifest
from tests.chart.chart import ROOT, wait_until_established

pytestmark = pytest.mark.node

IMAGE = "busybox:1.37"
QUICK_END = {"terminationGracePeriodSeconds": 1}
# A good training program: it saves its work when it is told to end, and ends in order.
SAVES_ON_SIGTERM = "trap 'echo saved; exit 0' TERM; while true; do sleep 0.1; done"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A team on a real node that the operator serves."""
    with Cluster.start(real_node=True) as cluster:
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        wait_until_established(cluster)
        log = tmp_path_factory.mktemp("operator") / "log"
        operator = OperatorProcess.start(cluster.kubeconfig, log)
        yield Team.create(cluster)
        operator.stop()


def shell(name: str, script: str, **pod_spec: Any) -> Json:
    """Return an MLTask that runs this script."""
    template = {"spec": {**QUICK_END, **pod_spec}}
    return manifest(name, template=template, image=IMAGE, command=["sh", "-c", script])


def test_success_keeps_the_result(team: Team) -> None:
    team.apply(shell("ok", "echo 0.97 > /dev/termination-log"))
    status = team.finish("ok")
    assert (status["phase"], status["exitCode"], status["result"]) == ("Succeeded", 0, "0.97\n")


def test_failure_keeps_the_end_of_the_log(team: Team) -> None:
    # To one stream: containerd keeps no order between standard output and standard error.
    team.apply(shell("bad", "for i in 1 2 3; do echo step $i; done; echo no data; exit 3"))
    status = team.finish("bad")
    assert (status["reason"], status["exitCode"]) == ("ContainerFailed", 3)
    assert status["logTail"] == "step 1\nstep 2\nstep 3\nno data\n"


def test_a_command_that_is_not_in_the_image(team: Team) -> None:
    team.apply(manifest("missing", image=IMAGE, command=["train"]))
    status = team.finish("missing")
    assert (status["phase"], status["reason"]) == ("Failed", "ContainerStartFailed")
    assert "train" in status["message"]


def test_a_deleted_task_takes_its_running_pod_with_it(team: Team) -> None:
    team.apply(shell("cancelled", "sleep 600"))
    team.wait_for_phase("cancelled", "Running")
    team.kubectl("delete", "mltask", "cancelled", "--timeout=20s")
    team.wait_for_no_pods("cancelled")


@pytest.mark.parametrize("how", ["delete", "evict"])
def test_work_that_was_told_to_end_is_not_done(team: Team, how: str) -> None:
    name = f"told-{how}"
    team.apply(shell(name, SAVES_ON_SIGTERM))
    team.wait_for_phase(name, "Running")
    pod = team.status(name)["podName"]
    if how == "delete":
        team.kubectl("delete", "pod", pod, "--wait=false")
    else:
        team.evict(pod)
    team.wait(name, "jsonpath={.status.attempts}=2", 60)
    [record] = team.status(name)["history"]
    assert (record["reason"], record["exitCode"]) == (
        {"delete": "PodDeleted", "evict": "PodEvicted"}[how],
        0,
    )
    team.kubectl("delete", "mltask", name)


def test_a_native_sidecar_does_not_speak_for_the_task(team: Team) -> None:
    sidecar = {
        "name": "proxy",
        "image": IMAGE,
        "restartPolicy": "Always",
        "command": ["sh", "-c", "trap 'exit 7' TERM; while true; do sleep 0.1; done"],
    }
    team.apply(shell("with-sidecar", "echo no data; exit 3", initContainers=[sidecar]))
    status = team.finish("with-sidecar")
    assert (status["reason"], status["exitCode"]) == ("ContainerFailed", 3)
    assert status["logTail"] == "no data\n"


def test_a_task_that_outgrows_its_storage_has_failed(team: Team) -> None:
    scratch = {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}
    mount = {"name": "main", "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}
    fill = "dd if=/dev/zero of=/scratch/x bs=1M count=8; sleep 600"
    team.apply(shell("greedy", fill, volumes=[scratch], containers=[mount]))
    team.wait("greedy", "condition=Finished", 90)
    status = team.finish("greedy")
    assert (status["phase"], status["reason"]) == ("Failed", "StorageLimitExceeded")
    assert "scratch" in status["message"]


def test_what_was_allocated_is_free_again(team: Team) -> None:
    for name in ("one", "two", "three"):
        team.apply(shell(name, "true"))
    for name in ("one", "two", "three"):
        team.finish(name)
    assert team.pods() == []
