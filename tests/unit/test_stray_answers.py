"""Each request of the operator, answered by something that is not the API server.

First on the wire: every request takes every such answer for no answer. Then with the Controller:
whatever request is answered so, nothing is lost or repeated, and the operator continues afterwards.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from mltask_operator.access.credentials import Credentials
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import StrayAnswer
from mltask_operator.kube.lease import Lease
from mltask_operator.kube.preflight import check_cluster, may_list_priorities
from mltask_operator.kube.requests import Patience
from mltask_operator.runtime.farewell import let_go_of_pods
from tests.unit.api_server import ApiServer
from tests.unit.stray_answers import STRAYS, Stray

Json = dict[str, Any]
EVENT = {"metadata": {"namespace": "a", "name": "x"}}

REQUESTS: dict[str, Callable[[Api], Awaitable[object]]] = {
    "create_pod": lambda api: api.create_pod("a", "{}"),
    "get_pod": lambda api: api.get_pod("a", "x"),
    "delete_pod": lambda api: api.delete_pod("a", "x", "u"),
    "hold_pod": lambda api: api.hold_pod("a", "x", "u"),
    "release_pod": lambda api: api.release_pod("a", "x", "u"),
    "label_pod": lambda api: api.label_pod("a", "x", "u", {}),
    "get_task": lambda api: api.get_task("a", "x"),
    "get_task_spec": lambda api: api.get_task_spec("a", "x", "u"),
    "delete_task": lambda api: api.delete_task("a", "x", "u", "1"),
    "patch_status": lambda api: api.patch_status("a", "x", "1", {}),
    "create_event": lambda api: api.create_event(EVENT),
    "priority_classes": Api.priority_classes,
    "list of Pods": lambda api: api.list(paths.pods(None), print),
    "list of MLTasks": lambda api: api.list(paths.tasks("a"), print),
    "farewell": lambda api: let_go_of_pods(api, [None]),
    "preflight": lambda api: check_cluster(api, ()),
    "permission": lambda api: may_list_priorities(api, ()),
}
SAYS_UNKNOWN_PATH = ("preflight", "404 in plain text")


@pytest.mark.parametrize("stray", STRAYS)
async def test_every_request_takes_it_for_no_answer(
    credentials: Credentials, server: ApiServer, stray: str
) -> None:
    answer_with(server, STRAYS[stray])
    async with Api(credentials, patience=Patience(retries=1, retry_pause=0)) as api:
        for name, request in REQUESTS.items():
            if (name, stray) == SAYS_UNKNOWN_PATH:
                continue
            with pytest.raises(StrayAnswer, match=f"HTTP {STRAYS[stray].code}"):
                await request(api)
        # With "no Lease" for an answer, a candidate would create it.
        with pytest.raises(StrayAnswer):
            await Lease(api, "a", "x", "me", 15).acquire()
    assert "/elsewhere" not in {request.target for request in server.requests}


def answer_with(server: ApiServer, stray: Stray) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=stray.code, text=stray.body, headers=stray.headers)

    server.answer = answer
