"""GET /metrics: at most one rendering per second, and none of it on the event loop."""

import asyncio
import time
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from mltask_operator.runtime.http_server import Answer
from mltask_operator.runtime.metrics import Metrics

PATH = "/metrics"
RENDER_SECONDS = 1.0
"""Scrapes within this time of a rendering get the same text."""


class Exposition:
    """The metrics as text, for any number of scrapes at a time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._text = b""
        self._rendered_at = float("-inf")

    async def page(self) -> Answer:
        """Return the answer to a scrape, in Prometheus' text format."""
        async with self._lock:
            if time.monotonic() - self._rendered_at >= RENDER_SECONDS:
                await self._metrics.count()
                # A thread gives way to the event loop after 5 ms (sys.getswitchinterval).
                self._text = await asyncio.to_thread(generate_latest, self._metrics.registry)
                self._rendered_at = time.monotonic()
        return Answer(HTTPStatus.OK, self._text, CONTENT_TYPE_PLAIN_0_0_4)
