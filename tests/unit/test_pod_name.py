"""The name of an attempt's Pod: the lock that keeps the attempt from getting two."""

import re
import string

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mltask_operator.api.names import MAX_TASK_NAME_LENGTH, pod_name
from tests.unit.pods import UID

LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{LABEL}(\.{LABEL})*")
ALPHANUMERIC = string.ascii_lowercase + string.digits
task_names = (
    st.text(ALPHANUMERIC + "-.", min_size=1, max_size=MAX_TASK_NAME_LENGTH)
    .map(lambda text: text.strip("-."))
    .filter(lambda text: SUBDOMAIN.fullmatch(text) is not None)
)
uids = st.uuids().map(str)
attempts = st.integers(1, 100_000)
# A busy machine must not fail a test of what is right.
untimed = settings(deadline=None)


@untimed
# The longest that fits; one that is cut at its end; one that is cut after a dot.
@example("a" * 52, UID, 1)
@example("a" * 63, UID, 100_000)
@example("a" * 51 + "." + "b" * 11, UID, 1)
@given(task_names, uids, attempts)
def test_name_is_valid_for_every_valid_task_name(name: str, uid: str, attempt: int) -> None:
    found = pod_name(name, uid, attempt)
    assert SUBDOMAIN.fullmatch(found)
    assert len(found) <= 63
    assert found == pod_name(name, uid, attempt)


@untimed
@given(task_names, task_names, uids, uids, attempts)
def test_names_of_two_tasks_differ(
    one: str, other: str, uid: str, other_uid: str, attempt: int
) -> None:
    assume(uid[:8] != other_uid[:8])
    assert pod_name(one, uid, attempt) != pod_name(other, other_uid, attempt)


@untimed
@given(task_names, uids, attempts, attempts)
def test_names_of_two_attempts_differ(name: str, uid: str, one: int, other: int) -> None:
    assume(one != other)
    assert pod_name(name, uid, one) != pod_name(name, uid, other)
