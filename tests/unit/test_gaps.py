"""A watch that begins again lists what exists, and never shows what was removed in between."""

from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import Unreachable
from mltask_operator.runtime.controller import RESYNC_PERIOD, Controller
from mltask_operator.runtime.metrics import Metrics
from tests.unit.bodies import task_body
from tests.unit.virtual_time import VirtualTimeLoop, let_pass

loop_factory = VirtualTimeLoop

Json = dict[str, Any]
PATHS = [paths.tasks(None), paths.pods(None), "/api/v1/resourcequotas"]
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
    for path in PATHS:
        controller.on_listing(path)
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


@pytest.mark.parametrize("path", PATHS)
async def test_each_watch_that_begins_again_causes_a_listing_at_once(
    controller: Controller, listings: Listings, path: str
) -> None:
    controller.on_listing(path)
    await let_pass(2)
    assert listings.count == 1


async def test_watches_that_begin_again_together_cause_one_listing(
    controller: Controller, listings: Listings
) -> None:
    for path in PATHS:
        controller.on_listing(path)
    await let_pass(2)
    assert listings.count == 1
    await let_pass(RESYNC_PERIOD.total_seconds() - 2)
    assert listings.count == 1


async def test_a_listing_that_failed_is_soon_made_again(
    controller: Controller, listings: Listings
) -> None:
    listings.is_away = True
    controller.on_listing(PATHS[0])
    await let_pass(60)
    listings.is_away = False
    await let_pass(10)
    assert listings.count == 1
