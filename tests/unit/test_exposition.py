"""What a scrape gets, how often it is rendered, and that the event loop goes on meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice

import pytest
from aiohttp import ClientSession

from localcluster.operator_process import free_port
from mltask_operator.runtime import exposition
from mltask_operator.runtime.census import Census
from mltask_operator.runtime.exposition import PATH, Exposition
from mltask_operator.runtime.http_server import serving
from mltask_operator.runtime.labels import MAX_NAMESPACES
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.quota_queue import QuotaQueue
from mltask_operator.runtime.resource_seconds import BUILT_IN, MAX_RESOURCES_OF_A_NAMESPACE
from mltask_operator.runtime.store import Store
from mltask_operator.runtime.workqueue import WorkQueue
from tests.unit.bodies import task_body
from tests.unit.builders import a_task
from tests.unit.decisions import written
from tests.unit.pods import ago, succeeded

TASKS = 50_000
WAITING = 10_000
SCRAPERS = 16
MOST_SERIES = 7_000
"""Of one operator, however many tasks there are and whatever they ask for."""
PAUSE = 0.05
"""The longest that a scrape may hold up the event loop, in seconds."""


def requests_in(text: str) -> str:
    [line] = [each for each in text.splitlines() if each.startswith("mltask_operator_api_requests")]
    return line.split()[-1]


async def text_of(page: Exposition) -> str:
    return (await page.page()).body.decode()


async def test_scrapes_within_a_second_get_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    page = Exposition(metrics)
    seen = []
    for number in range(3):
        metrics.note_request("GET", 200, 0.1)
        if number == 2:
            monkeypatch.setattr(exposition, "RENDER_SECONDS", 0.0)
        seen.append(requests_in(await text_of(page)))
    assert seen == ["1.0", "1.0", "3.0"]


async def test_scrapes_at_a_time_share_a_rendering() -> None:
    metrics = Metrics()
    page = Exposition(metrics)
    metrics.note_request("GET", 200, 0.1)
    texts = await asyncio.gather(*(text_of(page) for _ in range(SCRAPERS)))
    assert len(set(texts)) == 1


class Pauses:
    """The longest CPU time of the event loop's thread between two turns of a task.

    CPU time does not depend on what else the machine does, unlike the time that passed.
    """

    longest = 0.0
    wall = 0.0

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        ticking = asyncio.create_task(self._tick())
        yield
        ticking.cancel()

    async def _tick(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now


async def scrape(port: int, until: float) -> str:
    """Scrape again and again, and return the last answer."""
    async with ClientSession() as session:
        while time.monotonic() < until:
            async with session.get(f"http://127.0.0.1:{port}{PATH}") as answer:
                assert answer.status == 200
                text = await answer.text()
    return text


@pytest.fixture
def crowded(store: Store) -> Metrics:
    """The metrics of an operator with many tasks, and with all series that there can be."""

    async def work(_: str) -> None: ...

    metrics = Metrics()
    quota = QuotaQueue(lambda _: None, lambda _: 0)
    metrics.add_census(Census(store, quota, WorkQueue(work, 1), lambda: True))
    requests = {f"example.com/r{number}": "1" for number in range(MAX_RESOURCES_OF_A_NAMESPACE + 1)}
    requests |= dict.fromkeys(BUILT_IN, "1")
    task = replace(a_task().task, requests=requests)
    status = written(a_task().with_pod(succeeded(scheduled_at=ago(40))))
    for number in range(MAX_NAMESPACES):
        metrics.note_written(replace(task, namespace=f"team-{number}"), status)
    for number in range(TASKS):
        body = task_body(10 + number, uid=f"u{number}")
        body["metadata"]["namespace"] = f"team-{number % MAX_NAMESPACES}"
        store.record_task(body, is_certain=True)
    for task in islice(store.tasks(), WAITING):
        quota.park(task)
    return metrics


async def test_the_event_loop_goes_on_while_many_tasks_and_series_are_scraped(
    crowded: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposition, "RENDER_SECONDS", 0.2)
    port = free_port()
    pauses = Pauses()
    async with serving(port, PATH, Exposition(crowded).page), pauses.measured():
        until = time.monotonic() + 2
        texts = await asyncio.gather(*(scrape(port, until) for _ in range(SCRAPERS)))
    assert pauses.longest < PAUSE
    for text in texts:
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert MAX_NAMESPACES * (MAX_RESOURCES_OF_A_NAMESPACE + 5) < len(lines) < MOST_SERIES
