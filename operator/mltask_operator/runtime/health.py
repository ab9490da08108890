"""GET /healthz, for the kubelet's probes."""

import logging
from collections.abc import Callable
from http import HTTPStatus

from mltask_operator.runtime.http_server import Answer

PATH = "/healthz"

logger = logging.getLogger(__name__)


class Health:
    """The answers to probes: 503 until the operator has started, then 200, or 500 if it hangs."""

    def __init__(self) -> None:
        self._check: Callable[[], None] | None = None
        self._was_well = True

    def note_started(self, check: Callable[[], None]) -> None:
        """From now on answer by this check, which raises RuntimeError if the operator hangs."""
        self._check = check

    async def page(self) -> Answer:
        """Return the answer to a probe."""
        if self._check is None:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"starting\n")
        try:
            self._check()
        except RuntimeError as error:
            # Once, however often anybody asks.
            if self._was_well:
                logger.error("not healthy: %s", error)
            self._was_well = False
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"not healthy\n")
        self._was_well = True
        return Answer(HTTPStatus.OK, b"ok\n")
