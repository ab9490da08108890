"""Why a Pod does not start, in the kubelet's own words, and how long that is waited for."""

import pytest

from tests.api.team import Team
from tests.e2e.kubelet.workloads import shell
from tests.waiting import wait_until

PULLING = ("ErrImagePull", "ImagePullBackOff")
PATIENCE = {"pendingDeadlineSeconds": 15}
ABSENT = "registry.example.com/absent:1"
PULLS = shell("pulls", "true", image=ABSENT)
NO_IMAGE = shell("no-image", "true", image=ABSENT, **PATIENCE)
NO_NAME = shell("no-name", "true", image="Busybox:1.37", **PATIENCE)
LATE = shell(
    "late", "echo $WHEN > /dev/termination-log", envFrom=[{"configMapRef": {"name": "when"}}]
)


@pytest.fixture(scope="module", autouse=True)
def started(team: Team) -> None:
    """All tasks of this file wait side by side."""
    team.apply(PULLS, NO_IMAGE, NO_NAME, LATE)


def test_a_config_map_may_come_later(team: Team) -> None:
    team.wait_for_reason("late", "CreateContainerConfigError")
    assert 'configmap "when" not found' in team.status("late")["message"]
    team.kubectl("create", "configmap", "when", "--from-literal=WHEN=now")
    status = team.finish("late")
    assert (status["phase"], status["result"], status["attempts"]) == ("Succeeded", "now", 1)


def test_an_image_that_does_not_exist_is_told_while_it_is_waited_for(team: Team) -> None:
    wait_until(lambda: team.status("pulls").get("reason") in PULLING, "the reason is shown")
    status = team.status("pulls")
    assert status["phase"] == "Pending"
    assert ABSENT in status["message"]
    team.kubectl("delete", "mltask", "pulls")


def test_an_image_that_does_not_exist_is_not_waited_for_for_ever(team: Team) -> None:
    status = team.finish("no-image")
    assert status["phase"] == "Failed"
    assert status["reason"] in PULLING
    assert status["message"].startswith("not running within pendingDeadlineSeconds (15): ")
    assert ABSENT in status["message"]


def test_a_name_that_no_image_can_have(team: Team) -> None:
    status = team.finish("no-name")
    assert (status["phase"], status["reason"]) == ("Failed", "InvalidImageName")
    assert "Busybox:1.37" in status["message"]
