"""A server that plays a script of listings and watches to a client."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from mltask import AsyncClient, MLTask, Patience
from tests.client.bodies import Json, body
from tests.unit.api_server import ApiServer


def client_with(kubeconfig: Path, patience: Patience) -> AsyncClient:
    """Return a client of the namespace team-a with this patience."""
    return AsyncClient(kubeconfig=str(kubeconfig), namespace="team-a", patience=patience)


def listing(*items: Json, version: str = "10") -> Json:
    """Return a listing of these objects."""
    return {"metadata": {"resourceVersion": version}, "items": list(items)}


def refusal(code: int, reason: str, message: str) -> web.Response:
    """Return an API server's answer that says no."""
    return web.json_response({"code": code, "reason": reason, "message": message}, status=code)


class Script:
    """Answers listings and watches one after another; the last watch stays open."""

    def __init__(self, server: ApiServer, *acts: web.Response | Json | list[Json]) -> None:
        self._acts = list(acts)
        self.asked: list[str] = []
        server.answer = self._answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        version = request.query.get("resourceVersion")
        self.asked.append(f"watch from {version}" if "watch" in request.query else "list")
        if not self._acts:
            await asyncio.Event().wait()
        act = self._acts.pop(0)
        if isinstance(act, web.Response):
            return act
        if isinstance(act, dict):
            return web.json_response(act)
        stream = web.StreamResponse()
        await stream.prepare(request)
        for event in act:
            await stream.write(json.dumps(event).encode() + b"\n")
        return stream


def event(kind: str, version: int, **how: Any) -> Json:
    """Return what a watch tells of the task at this version."""
    return {"type": kind, "object": body(version=version, **how)}


def a_watched_task() -> MLTask:
    """Return the task that is waited for."""
    return MLTask.model_validate(body())
