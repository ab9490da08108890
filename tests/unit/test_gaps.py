"""A watch that begins anew lists what there is, and never tells what went in between."""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import Unreachable
from mltask_operator.runtime.controller import RESYNC_PERIOD, Controller
from mltask_operator.runtime.metrics import Metrics
from tests.unit.bodies import task_body
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
FINISHED = {"phase": "Succeeded"}


class Listings:
    """An API server with one finished MLTask, which counts the listings of all MLTasks.

    A start, and whoever looks for new tasks, asks only for those that are not finished.
    """

    def __init__(self) -> None:
        self.count = 0
        self.tasks: list[Json] = [task_body(10, status=FINISHED)]
        self.is_away = False

    async def create_event(self, event: Json) -> None:
        raise AssertionError("nothing happens here that is worth an Event")

    async def list(
        self,
        path: str,
        take: Callable[[Json], object],
        label_selector: str = "",
        field_selector: str = "",
    ) -> int:
        if self.is_away:
            raise Unreachable("no answer")
        is_of_all_tasks = path.endswith("mltasks") and not field_selector
        self.count += is_of_all_tasks
        for task in self.tasks if is_of_all_tasks else []:
            take(task)
        return 20


@pytest.fixture
async def listings() -> Listings:
    return Listings()


@pytest.fixture
async def controller(listings: Listings) -> AsyncIterator[Controller]:
    """A controller that has started, and whose watch has shown what it listed first."""
    controller = Controller(
        cast(Api, listings), [], election=None, sees_priorities=False, metrics=Metrics()
    )
    await controller.start()
    controller.on_task_event(None, task_body(10, status=FINISHED))
    yield controller
    await controller.stop()


async def test_a_watch_that_goes_on_is_not_held_against_a_listing(
    controller: Controller, listings: Listings
) -> None:
    controller.on_task_event("MODIFIED", task_body(11, status=FINISHED))
    controller.on_task_event(None, task_body(12, uid="new", status=FINISHED))
    await let_pass(RESYNC_PERIOD.total_seconds() - 1)
    assert listings.count == 0
    await let_pass(2)
    assert listings.count == 1


async def test_a_watch_that_begins_anew_is_held_against_one_listing(
    controller: Controller, listings: Listings
) -> None:
    for _ in range(3):
        controller.on_task_event(None, task_body(10, status=FINISHED))
    await let_pass(2)
    assert listings.count == 1
    await let_pass(RESYNC_PERIOD.total_seconds() - 2)
    assert listings.count == 1


async def test_a_listing_that_failed_is_soon_made_again(
    controller: Controller, listings: Listings
) -> None:
    listings.is_away = True
    controller.on_task_event(None, task_body(10, status=FINISHED))
    await let_pass(60)
    listings.is_away = False
    await let_pass(10)
    assert listings.count == 1
