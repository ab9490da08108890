"""A process with both ports of an operator and few files, which also sends requests elsewhere.

It prints the ports, then serves until its input ends, and then prints what its requests met.
"""

import asyncio
import json
import logging
import resource
import sys
import time
from collections import Counter
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from localcluster.operator_process import free_port
from mltask_operator.runtime import exposition, health
from mltask_operator.runtime.exposition import Exposition
from mltask_operator.runtime.health import Health
from mltask_operator.runtime.http_server import serving
from mltask_operator.runtime.metrics import Metrics

FILES = 1024


async def main() -> None:
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    state = Health()
    state.note_started(lambda: None)
    ports = {health.PATH: free_port(), exposition.PATH: free_port()}
    async with (
        serving(ports[health.PATH], health.PATH, state.page),
        serving(ports[exposition.PATH], exposition.PATH, Exposition(Metrics()).page),
    ):
        port = await api_server()
        say(ports)
        asking = asyncio.create_task(ask(port))
        await asyncio.to_thread(sys.stdin.read)
        asking.cancel()
        say(await asking)


def say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def api_server() -> int:
    """Serve something like the API server, in the same process, and return its port."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text="{}")

    server = await asyncio.get_running_loop().create_server(web.Server(answer), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    return port


async def ask(port: int) -> dict[str, float]:
    """Send a request over a new connection every 10 ms until cancelled. Return what they met."""
    met: Counter[str] = Counter()
    longest = 0.0
    connector = TCPConnector(force_close=True)
    try:
        async with ClientSession(connector=connector, timeout=ClientTimeout(total=5)) as session:
            while True:
                began = time.monotonic()
                try:
                    async with session.get(f"http://127.0.0.1:{port}/") as response:
                        met[str(response.status)] += 1
                except (OSError, ClientError) as error:
                    met[type(error).__name__] += 1
                longest = max(longest, time.monotonic() - began)
                await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        return {**met, "longest": longest}


if __name__ == "__main__":
    logging.basicConfig()
    asyncio.run(main())
