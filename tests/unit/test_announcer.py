"""Events are posted beside the tasks' requests: bounded, and fair to every namespace."""

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
    WARNING_PAUSE,
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


def tell(announcer: Announcer, *numbers: int, namespace: str = "a") -> None:
    for number in numbers:
        announcer.tell({"metadata": {"namespace": namespace}, "number": number})


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


async def test_of_too_many_of_a_namespace_the_last_ones_are_dropped(
    recipient: Recipient, announcer: Announcer
) -> None:
    tell(announcer, *range(2 * MOST_WAITING))
    await let_pass()
    assert recipient.posted == list(range(MOST_WAITING))
    assert announcer.dropped == MOST_WAITING


async def test_a_burst_of_one_namespace_costs_the_others_nothing(
    recipient: Recipient, announcer: Announcer
) -> None:
    tell(announcer, *range(5 * MOST_WAITING))
    tell(announcer, -1, -2, namespace="b")
    tell(announcer, -3, namespace="c")
    recipient.takes = 1
    await let_pass(2.5)
    assert {-1, -2, -3} <= set(recipient.posted), "they are served in turn, not behind the burst"
    await let_pass(3600)
    assert len(recipient.posted) == MOST_WAITING
    assert announcer.dropped == 4 * MOST_WAITING + 3


async def test_an_event_that_comes_as_all_senders_finish_is_posted() -> None:
    """All answers to posts, and the one that causes a further Event, arrive in one go."""
    posted: list[int] = []
    loop = asyncio.get_running_loop()
    answers: dict[int, asyncio.Future[None]] = {}

    async def post(event: Json) -> None:
        answer = answers[event["number"]] = loop.create_future()
        await answer
        posted.append(event["number"])

    announcer = Announcer(post)
    tell(announcer, *range(AT_A_TIME))
    await let_pass()
    for answer in list(answers.values()):
        answer.set_result(None)
    # These run in the order in which they were scheduled: first the senders, then this.
    loop.call_soon(tell, announcer, 99)
    await let_pass()
    answers[99].set_result(None)
    await let_pass()
    assert posted == [*range(AT_A_TIME), 99]


async def test_dropped_events_are_reported_once_in_a_while_for_each_namespace(
    announcer: Announcer, recipient: Recipient, caplog: pytest.LogCaptureFixture
) -> None:
    def reported() -> dict[object, int]:
        records = [r for r in caplog.records if r.levelno >= logging.WARNING]
        caplog.clear()
        # Each report has the number and the namespace.
        return {args[1]: int(str(args[0])) for r in records if isinstance(args := r.args, tuple)}

    recipient.takes = 4
    tell(announcer, *range(MOST_WAITING + 10))
    assert reported() == {"a": 1}, "the first one at once"
    tell(announcer, *range(MOST_WAITING + 10), namespace="b")
    assert reported().keys() == {"b"}
    await let_pass(WARNING_PAUSE.total_seconds())
    dropped = announcer.dropped
    tell(announcer, *range(MOST_WAITING), namespace="b")
    assert announcer.dropped > dropped
    assert reported()["b"] > 1, "with those that were dropped meanwhile"


@pytest.mark.parametrize(
    ("fault", "is_counted"),
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
    recipient: Recipient, announcer: Announcer, fault: Exception, *, is_counted: bool
) -> None:
    recipient.faults = [fault]
    tell(announcer, 1, 2)
    await let_pass()
    assert recipient.posted == [2]
    assert announcer.failed == is_counted


async def test_an_outage_is_one_line_in_the_log_without_the_servers_words(
    recipient: Recipient, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    recipient.faults = [ApiError(500, "Forged", "a webhook wrote this") for _ in range(100)]
    for number in range(100):
        tell(announcer, number, namespace=f"team-{number}")
    await let_pass()
    assert announcer.failed == 100
    [warning] = warnings(caplog)
    assert "Forged" not in warning
    assert "webhook" not in warning


async def test_a_server_that_does_not_answer_holds_up_none_for_ever(
    recipient: Recipient, announcer: Announcer
) -> None:
    recipient.takes = 3600
    tell(announcer, *range(AT_A_TIME))
    await let_pass(1)
    recipient.takes = 0
    tell(announcer, 100)
    await let_pass(POST_TIMEOUT.total_seconds())
    assert recipient.posted == [100]
    assert announcer.failed == AT_A_TIME


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
    tell(announcer, 11)
    await let_pass(60)
    assert recipient.posted == []


async def test_a_stop_with_nothing_to_do_is_none(announcer: Announcer) -> None:
    await announcer.stop()
