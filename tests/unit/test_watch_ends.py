"""The end of a vital background task ends Kopf, in good order, and `watch` with an error."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube.election import Election
from mltask_operator.runtime.controller import Controller
from mltask_operator.runtime.health import Health
from mltask_operator.runtime.metrics import Metrics
from mltask_operator.runtime.supervisor import TaskEnded
from mltask_operator.watching import watch
from tests.fake_api import FakeApi
from tests.unit.api_server import ApiServer
from tests.waiting import BOUND


class Candidacy:
    """An election that ends for a reason nobody foresaw."""

    has_resigned = False

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        await lead()
        raise ValueError("Expecting value: line 1 column 1 (char 0)")

    async def resign(self) -> None:
        self.has_resigned = True


async def test_the_end_of_the_election_ends_the_watches_and_releases_the_lease(
    server: ApiServer, credentials: Credentials
) -> None:
    server.answer = server.says({"resources": [], "groups": [], "versions": []})
    candidacy, health = Candidacy(), Health()
    controller = Controller(
        FakeApi(),
        [],
        election=cast(Election, candidacy),
        sees_priorities=False,
        metrics=Metrics(),
    )
    with pytest.raises(TaskEnded, match="election"):
        await asyncio.wait_for(watch(controller, credentials, [], health), BOUND)
    assert candidacy.has_resigned
    assert (await health.page()).status == 500
