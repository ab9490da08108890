"""The Event that is made of a notice: its name, its words, and what stays out of it."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltask_operator.api.names import MAX_TASK_NAME_LENGTH
from mltask_operator.kube.events import MAX_MESSAGE_BYTES, event_from, event_name
from mltask_operator.lifecycle.announce import Notice, NoticeReason
from tests.unit.builders import TaskBuilder, a_task
from tests.unit.notices import EVICTED, HUNGRY, IGNORED, KILLED, RETRIED, RUNNING, told
from tests.unit.pods import NAME, NOW, UID, ended
from tests.unit.statuses import failed_before


def an_event(seen: TaskBuilder) -> dict[str, Any]:
    notice = told(seen)
    assert notice is not None
    return event_from(seen.task, notice, "11", NOW)


def test_an_event_says_all_that_kubectl_shows_and_more() -> None:
    event = an_event(a_task().with_pod(ended(3)))
    at = NOW.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "team-a", "name": f"{NAME}.{UID}.1.failed"},
        "involvedObject": {
            "apiVersion": "mltask.dev/v1alpha1",
            "kind": "MLTask",
            "namespace": "team-a",
            "name": NAME,
            "uid": UID,
            "resourceVersion": "11",
        },
        "type": "Warning",
        "reason": "Failed",
        "message": "ContainerFailed: container main ended with exit code 3",
        "source": {"component": "mltask-operator"},
        "reportingComponent": "mltask.dev/operator",
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
    assert an_event(HUNGRY.with_pod(KILLED))["type"] == "Normal"


def test_its_name_tells_apart_what_is_to_be_told_and_nothing_else() -> None:
    def name(seen: TaskBuilder) -> str:
        found: str = an_event(seen)["metadata"]["name"]
        return found

    once = RETRIED.with_pod(ended(3))
    # A second operator may see it end otherwise, and say so in other words.
    assert name(once) == name(RETRIED.with_pod(ended(1)))
    others = (
        a_task().with_pod(ended(3)),
        RETRIED.with_status(failed_before(1)).with_pod(ended(3, attempt=2)),
        RUNNING.with_pod(EVICTED),
    )
    assert len({name(seen) for seen in (once, *others)}) == 4


def test_the_longest_name_is_one_that_kubernetes_takes() -> None:
    notice = Notice(NoticeReason.DEADLINE_EXCEEDED, 2**31, "")
    name = event_name("x" * MAX_TASK_NAME_LENGTH, UID, notice)
    assert len(name) <= 253
    assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name)


@pytest.mark.parametrize("text", ["x" * 5000, "é" * 5000, "line\n" * 5000])
def test_a_message_is_one_line_of_less_than_a_kilobyte(text: str) -> None:
    notice = Notice(NoticeReason.FAILED, 1, text)
    message = event_from(a_task().task, notice, "11", NOW)["message"]
    assert MAX_MESSAGE_BYTES - 10 < len(message.encode()) <= MAX_MESSAGE_BYTES
    assert "\n" not in message
    assert message.endswith("…")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\n  c\r\nd", "a b c d"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m \x00", r"\x9b31m \x00"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("half \ud800 of a pair", r"half \ud800 of a pair"),
    ],
)
def test_a_message_drives_no_terminal_that_kubectl_prints_it_to(text: str, shown: str) -> None:
    notice = Notice(NoticeReason.FAILED, 1, text)
    assert event_from(a_task().task, notice, "11", NOW)["message"] == shown


@given(st.text(st.characters(codec=None)))
def test_any_message_is_printable_and_short(text: str) -> None:
    message = event_from(a_task().task, Notice(NoticeReason.FAILED, 1, text), "11", NOW)["message"]
    assert not [c for c in message if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert len(message.encode()) <= MAX_MESSAGE_BYTES


def test_what_the_program_wrote_is_not_in_it() -> None:
    for seen in (a_task(), RETRIED, IGNORED):
        pod = ended(3, output="password: hunter2")
        assert "hunter2" not in str(an_event(seen.with_pod(pod)))
