"""A small HTTP server in the place of an API server, and a kubeconfig that leads to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    target: str
    """Path and query, as the client wrote them."""
    headers: dict[str, str]
    body: bytes


async def answer_the_object(request: web.Request) -> web.Response:
    """Answer with an object of the kind and name that the path is about."""
    return web.json_response(object_at(request.path))


def object_at(path: str) -> Json:
    """Return a minimal object of the kind and name that the path is about."""
    _, _, rest = path.partition("/namespaces/")
    namespace, plural, name = [*rest.split("/"), "", "", ""][:3]
    kinds = {"pods": "Pod", "mltasks": "MLTask", "events": "Event"}
    metadata = {"namespace": namespace, "name": name, "uid": "uid-1", "resourceVersion": "10"}
    return {"kind": kinds.get(plural, "Status"), "metadata": metadata}


class ApiServer:
    """Answers every request with what `answer` returns, and notes it in `requests`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Answer = answer_the_object
        self.url = ""
        """Where it listens once it has started, without a slash at the end."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._server = TestServer(app)

    async def __aenter__(self) -> Self:
        """Listen on a free port of the loopback, within the block."""
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening, also within the block."""
        await self._server.close()

    @staticmethod
    def says(body: Json, code: int = 200) -> Answer:
        """Return the answer that is always this object."""

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(body, status=code)

        return answer

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        headers = dict(request.headers)
        body = await request.read()
        self.requests.append(Request(request.method, request.raw_path, headers, body))
        return await self.answer(request)


def write_kubeconfig(path: Path, server: str, user: Json | None = None) -> None:
    """Write a kubeconfig file for a user with these fields, for example a token."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": user or {}}],
    }
    path.write_text(yaml.safe_dump(config))
