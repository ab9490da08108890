"""What is tried again, what is not, and what counts."""

import pytest

from tests.api.team import Json, Team
from tests.e2e.kubelet.workloads import at_first, shell

SOON = {"baseSeconds": 1, "maxSeconds": 1}
TELLS_ITS_NAME = "hostname > /dev/termination-log"
FLAKY = shell("flaky", at_first("exit 4") + TELLS_ITS_NAME, backoffLimit=2, backoff=SOON)


def policy(action: str, code: int) -> Json:
    """Return a podFailurePolicy of one rule, for an exit code of main."""
    codes = {"containerName": "main", "operator": "In", "values": [code]}
    return {"rules": [{"action": action, "onExitCodes": codes}]}


HOPELESS = shell("hopeless", "exit 42", backoffLimit=5, podFailurePolicy=policy("Fail", 42))
NO_LICENCE = shell(
    "no-licence", at_first("exit 75") + TELLS_ITS_NAME, podFailurePolicy=policy("Ignore", 75)
)
TOO_LARGE = shell(
    "too-large-for-the-node",
    "true",
    pod={"nodeName": "node"},
    resources={"requests": {"cpu": "1000"}},
)


@pytest.fixture(scope="module", autouse=True)
def started(team: Team) -> None:
    """All tasks of this file run side by side, and each test waits for its own."""
    team.apply(FLAKY, HOPELESS, NO_LICENCE, TOO_LARGE)


def test_a_failure_is_tried_again_and_counted(team: Team) -> None:
    status = team.finish("flaky")
    assert (status["phase"], status["attempts"], status["failures"]) == ("Succeeded", 2, 1)
    assert status["result"].endswith("-2")
    [record] = status["history"]
    assert (record["reason"], record["exitCode"]) == ("ContainerFailed", 4)


def test_an_exit_code_that_the_policy_calls_final(team: Team) -> None:
    status = team.finish("hopeless")
    assert (status["phase"], status["reason"]) == ("Failed", "PodFailurePolicy")
    assert (status["attempts"], status["exitCode"]) == (1, 42)


def test_an_exit_code_that_the_policy_ignores(team: Team) -> None:
    status = team.finish("no-licence")
    assert (status["phase"], status["attempts"]) == ("Succeeded", 2)
    assert status.get("failures", 0) == 0


def test_a_rejection_by_the_kubelet_is_a_disruption(team: Team) -> None:
    # Bound past the scheduler, which would have known better.
    team.wait_for_reason("too-large-for-the-node", "PodRejected")
    status = team.status("too-large-for-the-node")
    assert status["history"][0]["reason"] == "PodRejected"
    assert "OutOfcpu" in status["message"]
    assert status["disruptions"] == status["attempts"]
    assert status.get("failures", 0) == 0
    team.kubectl("delete", "mltask", "too-large-for-the-node")
