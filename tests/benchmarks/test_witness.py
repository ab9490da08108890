"""What is made of a watch of Pods."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from benchmarks.throughput.witness import Witness

PODS = "/api/v1/namespaces/default/pods"
LONG = 10.0


def event(kind: str, task: str, phase: str = "Running") -> dict[str, Any]:
    metadata = {"name": f"{task}-pod", "uid": f"{task}-uid", "labels": {"task": task}}
    metadata["resourceVersion"] = "7"
    return {"type": kind, "object": {"metadata": metadata, "status": {"phase": phase}}}


@asynccontextmanager
async def api_server(watches: Sequence[Sequence[dict[str, Any]]]) -> AsyncIterator[ClientSession]:
    """Yield connections to a server that ends each watch after these events, but for the last."""
    left = iter(watches)

    async def pods(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "1"}})
        answer = web.StreamResponse()
        await answer.prepare(request)
        if (events := next(left, None)) is None:
            await asyncio.sleep(LONG)
        for each in events or ():
            await answer.write(json.dumps(each).encode() + b"\n")
        return answer

    app = web.Application()
    app.router.add_get(PODS, pods)
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as session:
        yield session


async def test_a_task_is_seen_from_its_pod_until_that_is_gone() -> None:
    ended: list[str] = []
    witness = Witness("task", ended.append)
    witness.expect(["one", "two"])
    first = [event("ADDED", "one"), event("MODIFIED", "one", "Succeeded"), event("ADDED", "two")]
    second = [
        event("MODIFIED", "one", "Succeeded"),
        event("DELETED", "one", "Succeeded"),
        event("MODIFIED", "two", "Failed"),
        event("DELETED", "two", "Failed"),
    ]
    async with api_server([first, second]) as session, witness.watch(session, PODS):
        await witness.wait_until_all_are_gone(LONG)
    assert ended == ["one-pod"]
    one, two = witness.lives.values()
    assert one.pod_seen <= one.ended <= one.gone
    assert one.gone_pods == {"one-uid"}
    assert math.isnan(two.ended), "it has not succeeded"
    assert two.gone >= one.gone


async def test_tasks_that_are_stuck_are_not_waited_for() -> None:
    witness = Witness("task", pytest.fail)
    witness.expect(["one", "two"])
    events = [event("ADDED", "one"), event("DELETED", "one"), event("ADDED", "two")]
    async with api_server([events]) as session, witness.watch(session, PODS):
        await witness.wait_until_all_are_gone(0.05)
    assert math.isnan(witness.lives["two"].gone)
