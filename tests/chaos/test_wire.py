"""Each fault of the wire between operator and API server by itself: all ends as if nothing was."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.crowd import KINDS
from tests.chaos.gap import across_a_gap, from_stale_lists
from tests.chaos.record import Record, Tried
from tests.chaos.run import Setting
from tests.chaos.wire import OnWire
from tests.chaos.wire_requests import (
    Away,
    Conflict,
    Latency,
    LateWrite,
    RefusedTokens,
    ResetAfter,
    ResetBefore,
    ServerError,
    ServerErrorAfter,
    TooManyRequests,
)
from tests.chaos.wire_watches import HalfAnEvent, HalfAnEventInOrder, LateWatch
from tests.chaos.wired import Came, wired
from tests.waiting import wait_until

pytestmark = pytest.mark.api
AT_A_TIME = 4
UNTIL_KILLED = 90
"""Three probes, each of which may have to wait, and then some for a busy machine."""


def lasting(kind: type[OnWire], setting: Setting, folder: Path) -> Came:
    """Have a task of each kind live and die under a fault."""
    fault = kind()
    with wired(setting, fault, folder) as run:
        fault.begin()
        run.proxy.cut_watches()
        for each in KINDS:
            run.crowd.add(each)
        run.tend_until_over()
        fault.end()
        wait_until(lambda: fault.is_quiet, "nothing is on its way")
        broken = run.check(fault.struck)
        if isinstance(fault, TooManyRequests):
            broken += fault.too_soon
        return Came(fault, broken, run.kubelet.restarts)


def through_an_outage(setting: Setting, folder: Path) -> Came:
    """Have nothing go through for a while, in which tasks come, end and go."""
    fault = Away()
    with wired(setting, fault, folder) as run:
        for each in KINDS:
            run.crowd.add(each)
        fault.begin()
        run.proxy.cut_watches()
        for each in KINDS:
            run.crowd.add(each)
        wait_until(lambda: not run.tend() and fault.struck > 10, "it has tried, and tried")
        fault.end()
        run.tend_until_over()
        return Came(fault, run.check(fault.struck), run.kubelet.restarts)


def with_a_rotated_token(setting: Setting, folder: Path, *, is_late: bool) -> Came:
    """Refuse a token for good; the new one is there by then, or comes after a while."""
    fault = RefusedTokens()
    with wired(setting, fault, folder) as run:
        for each in KINDS:
            run.crowd.add(each)
        fault.tokens.add(run.token if is_late else run.rotate_token())
        run.proxy.cut_watches()
        if is_late:
            wait_until(lambda: fault.struck > 3, "the old token was refused")
            run.rotate_token()
        for each in KINDS:
            run.crowd.add(each)
        run.tend_until_over()
        return Came(fault, run.check(fault.struck), run.kubelet.restarts)


def frozen(setting: Setting, folder: Path) -> Came:
    """Have the operator hang."""
    with wired(setting, OnWire(), folder) as run:
        for each in KINDS:
            run.crowd.add(each)
        run.kubelet.freeze()
        wait_until(lambda: bool(run.kubelet.restarts), "it was killed", UNTIL_KILLED)
        run.tend_until_over()
        return Came(OnWire(), run.check(len(KINDS)), run.kubelet.restarts)


PLAYS: Mapping[str, Callable[[Setting, Path], Came]] = {
    **{
        kind.name: partial(lasting, kind)
        for kind in (
            Latency,
            LateWatch,
            ResetBefore,
            ResetAfter,
            LateWrite,
            HalfAnEvent,
            HalfAnEventInOrder,
            TooManyRequests,
            ServerError,
            ServerErrorAfter,
            Conflict,
        )
    },
    "outage": through_an_outage,
    "410": across_a_gap,
    "stale lists": from_stale_lists,
    "401, and the new token is there": partial(with_a_rotated_token, is_late=False),
    "401, and the new token comes late": partial(with_a_rotated_token, is_late=True),
}


@pytest.fixture(scope="module")
def started(
    setting: Setting, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Came]]]:
    """All of them, several at a time: they mostly wait."""
    folder = tmp_path_factory.mktemp("wire")
    acts = {"frozen": frozen, **PLAYS}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {name: pool.submit(act, setting, folder / name) for name, act in acts.items()}


@pytest.mark.parametrize("name", PLAYS)
def test_all_ends_as_it_must(name: str, started: dict[str, Future[Came]], record: Record) -> None:
    came = started[name].result()
    fault = came.fault
    record.append(Tried(fault.name, fault.how, fault.struck, len(came.broken)))
    assert fault.struck
    assert not came.broken, "\n".join(came.broken)
    assert not came.restarts


def test_liveness_tells_of_an_operator_that_hangs(
    started: dict[str, Future[Came]], record: Record
) -> None:
    came = started["frozen"].result()
    how = "SIGSTOP, and whoever runs it goes by the chart's liveness probe"
    record.append(Tried("hang", how, 1, len(came.broken)))
    assert came.restarts == ["liveness"]
    assert not came.broken, "\n".join(came.broken)
