"""Events are posted beside the tasks' requests: never in their way, and never for ever."""

import asyncio
import logging
from typing import Any

import pytest

from mltask_operator.kube.errors import ApiError, Unreachable
from mltask_operator.runtime.announcer import (
    AT_A_TIME,
    MOST_WAITING,
    POST_TIMEOUT,
    STOP_GRACE,
    Announcer,
)
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]


class Recipient:
    """What Events are posted to."""

    def __init__(self) -> None:
        self.posted: list[int] = []
        self.under_way = 0
        self.most_under_way = 0
        self.takes = 0.0
        """Seconds until it answers."""
        self.faults: list[Exception] = []
        """What it answers with first."""

    async def post(self, event: Json) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.takes)
            if self.faults:
                raise self.faults.pop(0)
            self.posted.append(event["number"])
        finally:
            self.under_way -= 1


@pytest.fixture
def recipient() -> Recipient:
    return Recipient()


@pytest.fixture
def announcer(recipient: Recipient) -> Announcer:
    return Announcer(recipient.post)


def tell(announcer: Announcer, *numbers: int) -> None:
    for number in numbers:
        announcer.tell({"number": number})


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


async def test_what_is_told_is_posted_once_and_in_order(
    recipient: Recipient, announcer: Announcer
) -> None:
    tell(announcer, *range(20))
    assert recipient.posted == [], "whoever tells does not wait for it"
    await let_pass()
    tell(announcer, 20)
    await let_pass()
    assert recipient.posted == list(range(21))


async def test_few_are_under_way_at_a_time(recipient: Recipient, announcer: Announcer) -> None:
    recipient.takes = 1
    tell(announcer, *range(100))
    await let_pass(1.5)
    tell(announcer, *range(100, 200))
    await let_pass(200)
    assert recipient.most_under_way == AT_A_TIME
    assert len(recipient.posted) == 200


async def test_of_too_many_the_last_ones_are_lost(
    recipient: Recipient, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    tell(announcer, *range(2 * MOST_WAITING))
    await let_pass()
    assert recipient.posted == list(range(MOST_WAITING))
    assert warnings(caplog) == ["An Event is lost: more Events than can be posted"]


@pytest.mark.parametrize(
    ("fault", "is_told"),
    [
        (ApiError(409, "AlreadyExists", "there is one"), False),
        (ApiError(403, "Forbidden", "the namespace is being terminated"), False),
        (ApiError(404, "NotFound", "the namespace is gone"), False),
        (ApiError(429, "TooManyRequests", "later"), True),
        (ApiError(500, "InternalError", "etcd is down"), True),
        (Unreachable("no answer"), True),
        (RuntimeError("anything"), True),
    ],
    ids=str,
)
async def test_one_that_fails_is_not_tried_again_and_those_behind_it_are_posted(
    recipient: Recipient,
    announcer: Announcer,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
    *,
    is_told: bool,
) -> None:
    recipient.faults = [fault]
    tell(announcer, 1, 2)
    await let_pass()
    assert recipient.posted == [2]
    assert bool(warnings(caplog)) is is_told


async def test_an_outage_is_one_line_in_the_log(
    recipient: Recipient, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    recipient.faults = [Unreachable("no answer") for _ in range(100)]
    tell(announcer, *range(100))
    await let_pass()
    assert warnings(caplog) == ["An Event is lost: no answer"]


async def test_a_server_that_does_not_answer_holds_up_none_for_ever(
    recipient: Recipient, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    recipient.takes = 3600
    tell(announcer, *range(AT_A_TIME))
    await let_pass(1)
    recipient.takes = 0
    tell(announcer, 100)
    await let_pass(POST_TIMEOUT.total_seconds())
    assert recipient.posted == [100]
    assert warnings(caplog) == ["An Event is lost: TimeoutError"]


async def test_a_stop_waits_for_those_under_way(recipient: Recipient, announcer: Announcer) -> None:
    recipient.takes = 0.9 * STOP_GRACE.total_seconds()
    tell(announcer, 1)
    await announcer.stop()
    assert recipient.posted == [1]


async def test_a_stop_does_not_wait_for_long_and_nothing_is_posted_after_it(
    recipient: Recipient, announcer: Announcer
) -> None:
    recipient.takes = 2 * STOP_GRACE.total_seconds()
    tell(announcer, *range(10))
    began = asyncio.get_running_loop().time()
    await announcer.stop()
    assert asyncio.get_running_loop().time() - began == pytest.approx(STOP_GRACE.total_seconds())
    assert recipient.under_way == 0
    await let_pass(60)
    assert recipient.posted == []


async def test_a_stop_with_nothing_to_do_is_none(announcer: Announcer) -> None:
    await announcer.stop()
