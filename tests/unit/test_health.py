"""What a probe is answered, and how many files the process may open."""

import resource
from collections.abc import Iterator

import pytest

from mltask_operator.files import raise_limit
from mltask_operator.runtime.health import Health


class Work:
    """Work that may hang."""

    hangs = False

    def check(self) -> None:
        if self.hangs:
            raise RuntimeError("work on a task has been under way for 1:00:00")


async def test_a_probe_fails_until_the_operator_has_started() -> None:
    health = Health()
    assert (await health.page()).status == 503
    health.note_started(Work().check)
    assert (await health.page()).status == 200


async def test_a_hang_fails_each_probe_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    health, work = Health(), Work()
    health.note_started(work.check)
    for hangs in (False, True, True, False, True):
        work.hangs = hangs
        assert (await health.page()).status == (500 if hangs else 200)
    assert caplog.messages == ["not healthy: work on a task has been under way for 1:00:00"] * 2


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit of open files, with a soft limit below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_of_open_files_becomes_the_hard_one(hard: int) -> None:
    raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
