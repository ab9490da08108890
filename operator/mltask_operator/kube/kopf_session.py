"""The session of Kopf's requests: with the operator's credentials, and with slim answers."""

import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import kopf

from mltask_operator.access.credentials import Access, Credentials, NoCredentials
from mltask_operator.access.tls import NewestContext
from mltask_operator.kube.slim_answers import SlimAnswers

logger = logging.getLogger(__name__)


def session_for_kopf(
    credentials: Credentials,
    take: Callable[[str, dict[str, Any]], object],
    on_listing: Callable[[str], object],
) -> kopf.AiohttpSession:
    """Return the session for Kopf's requests. Its token and certificates are always the newest.

    `take` receives each object that Kopf lists, after the plural name of its resource. `on_listing`
    receives the path of each listing that begins.
    """
    connector = aiohttp.TCPConnector(
        limit=0,
        ssl=NewestContext.of(lambda: credentials.current.tls),
        # A connection that stays open keeps its client certificate. Kopf makes few requests.
        force_close=True,
    )
    session = credentials.session(
        SlimAnswers(take, on_listing),
        _Renewing(credentials),
        connector=connector,
        proxy=credentials.current.proxy,
    )
    return kopf.AiohttpSession(server=credentials.current.host, aiohttp_session=session)


class _Renewing:
    """A middleware that renews rejected credentials, and hides a 401 from Kopf meanwhile.

    After a 401, Kopf closes the session while other watches connect, which ends the operator.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        while True:
            used = self._credentials.current
            try:
                response = await handler(request)
            except aiohttp.ClientSSLError:
                # Kopf retries failed connections by itself.
                await self._renew(used, "the API server's certificate is not trusted")
                raise
            if response.status != 401:
                return response
            response.release()
            await self._renew(used, "credentials rejected (401)")

    async def _renew(self, used: Access, why: str) -> None:
        logger.warning("%s, reloading the credentials", why)
        try:
            await self._credentials.renew(used)
        except NoCredentials as error:
            logger.warning("failed to reload the credentials: %s", error)
