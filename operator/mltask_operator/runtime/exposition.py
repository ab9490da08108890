"""GET /metrics, served on the operator's own event loop: nothing changes while it counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

PATH = "/metrics"


@asynccontextmanager
async def exposed(registry: CollectorRegistry, port: int) -> AsyncIterator[None]:
    """Serve what is in the registry, at all addresses. Raise OSError where the port is taken."""
    app = web.Application()
    app.router.add_get(PATH, make_aiohttp_handler(registry))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
