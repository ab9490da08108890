"""Followed logs whose connections end before the container does."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from mltask import AsyncClient, Patience, Refused
from mltask.following import unprinted
from tests.client.bodies import Json, body
from tests.client.script import client_with
from tests.client.test_logs import ENDED, RUNNING, pod, read
from tests.unit.api_server import ApiServer

LINES = [f"2026-11-26T12:00:{n:02}.000000000Z epoch {n}\n".encode() for n in range(4)]
WHOLE = "".join(f"epoch {n}\n" for n in range(4))


class Kubelet:
    """A task with one Pod, and a log of which each request gets a part more, and then its end."""

    def __init__(self, server: ApiServer, *parts: bytes | int, is_cut: bool = False) -> None:
        self.task = body(phase="Running", podName="train-1")
        self.pods: list[Json] = [pod(main=RUNNING)]
        self.since: list[str | None] = []
        self._parts = list(parts)
        self._is_cut = is_cut
        server.answer = self._answer

    def end(self) -> None:
        """End the task, and remove its Pod."""
        kept = "epoch 2\nepoch 3"
        self.task = body(version=2, phase="Failed", podName="train-1", logTail=kept)
        self.pods = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/log"):
            return await self._log(request)
        if request.path.endswith("/mltasks/train"):
            return web.json_response(self.task)
        if "watch" in request.query:
            stream = web.StreamResponse()
            await stream.prepare(request)
            await asyncio.sleep(0.02)
            if request.path.endswith("/mltasks"):
                event = {"type": "MODIFIED", "object": self.task}
                await stream.write(json.dumps(event).encode() + b"\n")
            return stream
        items = [self.task] if request.path.endswith("/mltasks") else self.pods
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})

    async def _log(self, request: web.Request) -> web.StreamResponse:
        self.since.append(request.query.get("sinceTime"))
        part = self._parts.pop(0)
        if not self._parts:
            self.end()
        if isinstance(part, int):
            return web.json_response({"message": "no answer"}, status=part)
        stream = web.StreamResponse()
        await stream.prepare(request)
        begin = (self.since[-1] or "").removesuffix("Z").encode()
        for line in part.splitlines(keepends=True):
            if line[:19] >= begin:
                await stream.write(line)
        if self._parts and self._is_cut and request.transport:
            await asyncio.sleep(0.05)
            request.transport.abort()
        return stream


@pytest.fixture(params=[True, False], ids=["cut", "ended"])
def is_cut(request: pytest.FixtureRequest) -> bool:
    """Whether a stream is cut, or ends properly."""
    return bool(request.param)


async def test_a_log_is_continued_without_gap_or_repetition(
    client: AsyncClient, server: ApiServer, *, is_cut: bool
) -> None:
    whole = b"".join(LINES)
    kubelet = Kubelet(server, LINES[0], b"".join(LINES[:3]) + LINES[3][:36], whole, is_cut=is_cut)
    assert await read(client, follow=True) == WHOLE
    assert kubelet.since == [None, "2026-11-26T12:00:00Z", "2026-11-26T12:00:02Z"]


async def test_a_quiet_log_behind_a_load_balancer_is_followed_for_longer_than_patience(
    kubeconfig: Path, server: ApiServer
) -> None:
    Kubelet(server, *[LINES[0]] * 10, b"".join(LINES), is_cut=True)
    async with client_with(kubeconfig, Patience(seconds=0.1, pause=0.01)) as client:
        assert await read(client, follow=True) == WHOLE


async def test_the_kept_end_follows_where_the_pod_went_before_it_was_read(
    client: AsyncClient, server: ApiServer
) -> None:
    """Status has kept the last two lines, of which one was read already."""
    Kubelet(server, b"".join(LINES[:3]), 500, 404, is_cut=True)
    assert await read(client, follow=True) == WHOLE.rstrip()


async def test_a_node_without_an_answer_ends_patience(kubeconfig: Path, server: ApiServer) -> None:
    Kubelet(server, *[500] * 100)
    async with client_with(kubeconfig, Patience(seconds=0.05, pause=0.01)) as client:
        with pytest.raises(Refused, match="no answer"):
            await read(client, follow=True)


async def test_the_rest_is_read_once_the_container_has_ended(
    client: AsyncClient, server: ApiServer
) -> None:
    kubelet = Kubelet(server, LINES[0], b"".join(LINES))
    kubelet.pods = [pod(main=ENDED)]
    assert await read(client, follow=True) == WHOLE
    assert len(kubelet.since) == 2


@pytest.mark.parametrize(
    ("printed", "kept", "rest"),
    [
        ("a\nb\n", "b\nc", "c"),
        ("a\nb\n", "a\nb", ""),
        ("a\nb\n", "a\nb\n", ""),
        ("xa\nb", "a\nb\nc\n", "c\n"),
        ("a\n", "c\nd", "c\nd"),
        ("", "c", "c"),
        ("a\n", "", ""),
    ],
)
def test_the_kept_end_without_what_was_printed(printed: str, kept: str, rest: str) -> None:
    assert unprinted(printed, kept) == rest
