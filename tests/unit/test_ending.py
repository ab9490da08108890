"""How an attempt ended, read off its Pod as kubelets, schedulers and users leave it."""

import re
from pathlib import Path

import pytest

from mltask_operator.lifecycle.ending import how_it_ended
from mltask_operator.lifecycle.endings import EndingKind
from mltask_operator.lifecycle.observed import Pod, PodPhase
from tests.unit.pod_endings import NOT_STARTED, TABLE
from tests.unit.pods import NOW, a_pod, ago, ended, running, succeeded, terminated

PAGE = Path(__file__).parents[2] / "docs" / "how-a-pod-ends.md"


@pytest.mark.parametrize(
    ("pod", "kind", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_ending(pod: Pod, kind: EndingKind, reason: str) -> None:
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert (ending.kind, ending.reason) == (kind, reason)
    assert ending.message


def test_the_page_lists_these_ways_to_end() -> None:
    rows = re.findall(r"^\| (.+) \| (\w+) \| `(\w+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(what, kind.value, reason) for what, _, kind, reason in TABLE]


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(),
        a_pod(node_name="n1"),
        running(),
        running(deletion_asked_at=ago(5)),
        a_pod(node_name="n1", deletion_asked_at=ago(5)),
        a_pod(phase=PodPhase.UNKNOWN, node_name="n1"),
    ],
)
def test_not_ended(pod: Pod) -> None:
    assert how_it_ended(pod, NOW) is None


def test_message_names_the_container_that_failed() -> None:
    pod = a_pod(
        phase=PodPhase.FAILED,
        node_name="n1",
        init_containers=(terminated("ok", 0), terminated("fetch", 4, message="404 from mirror")),
        containers=(NOT_STARTED,),
    )
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.message == "init container fetch ended with exit code 4"
    assert (ending.exit_code, ending.output) == (4, "404 from mirror")


def test_a_native_sidecar_does_not_speak_for_main() -> None:
    ending = how_it_ended(ended(3, init_containers=(terminated("proxy", 143),)), NOW)
    assert ending is not None
    assert (ending.message, ending.exit_code) == ("container main ended with exit code 3", 3)


def test_main_speaks_before_its_sidecars() -> None:
    pod = ended(1, containers=(terminated("a-sidecar", 7), terminated("main", 3)))
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.exit_code == 3


def test_end_is_that_of_the_last_container() -> None:
    pod = succeeded(containers=(terminated("main", 0, finished_at=ago(20)), terminated("proxy", 0)))
    ending = how_it_ended(pod, NOW)
    assert ending is not None
    assert ending.at == ago(10)
