"""How an attempt ends, and what stays of it."""

import pytest

from tests.api.team import Json, Team
from tests.e2e.kubelet.workloads import IMAGE, shell, task

OK = shell("ok", "echo 0.97 > /dev/termination-log")
# To one stream: containerd keeps no order between standard output and standard error.
BAD = shell("bad", "for i in 1 2 3; do echo step $i; done; echo no data; exit 3")
MISSING = task("missing", command=["train"])
SHORT_LIVED = shell("short-lived", "true", ttlSecondsAfterFinished=1)
SIDECAR: Json = {
    "name": "proxy",
    "image": IMAGE,
    "restartPolicy": "Always",
    "command": ["sh", "-c", "trap 'exit 7' TERM; while true; do sleep 0.1; done"],
}
WITH_SIDECAR = shell("with-sidecar", "echo no data; exit 3", pod={"initContainers": [SIDECAR]})
GREEDY = shell(
    "greedy",
    "dd if=/dev/zero of=/data/x bs=1M count=8; sleep 600",
    pod={
        "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}],
        "containers": [
            {"name": "main", "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        ],
    },
)


@pytest.fixture(scope="module", autouse=True)
def started(team: Team) -> None:
    """All tasks of this file run side by side, and each test waits for its own."""
    team.apply(OK, BAD, MISSING, SHORT_LIVED, WITH_SIDECAR, GREEDY)


def test_success_keeps_the_result(team: Team) -> None:
    status = team.finish("ok")
    assert (status["phase"], status["exitCode"], status["result"]) == ("Succeeded", 0, "0.97")


def test_failure_keeps_the_end_of_the_log(team: Team) -> None:
    status = team.finish("bad")
    assert (status["reason"], status["exitCode"]) == ("ContainerFailed", 3)
    assert status["logTail"] == "step 1\nstep 2\nstep 3\nno data"


def test_a_command_that_is_not_in_the_image(team: Team) -> None:
    status = team.finish("missing")
    assert (status["phase"], status["reason"]) == ("Failed", "ContainerStartFailed")
    assert "train" in status["message"]


def test_a_native_sidecar_does_not_speak_for_the_task(team: Team) -> None:
    status = team.finish("with-sidecar")
    assert (status["reason"], status["exitCode"]) == ("ContainerFailed", 3)
    assert status["logTail"] == "no data"


def test_a_task_that_outgrows_its_storage_has_failed(team: Team) -> None:
    team.wait("greedy", "condition=Finished")
    status = team.finish("greedy")
    assert (status["phase"], status["reason"]) == ("Failed", "StorageLimitExceeded")
    assert "data" in status["message"]


def test_a_finished_task_goes_when_its_time_to_live_has_passed(team: Team) -> None:
    team.kubectl("wait", "--for=delete", "mltask/short-lived", "--timeout=180s")
    team.wait_for_no_pods("short-lived")


def test_what_was_allocated_is_free_again(team: Team) -> None:
    others = Team.create(team.cluster)
    names = ("one", "two", "three")
    others.apply(*(shell(name, "true") for name in names))
    for name in names:
        others.finish(name)
    assert others.pods() == []
    others.delete()
