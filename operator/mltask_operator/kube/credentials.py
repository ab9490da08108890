"""Credentials for the API server, used by the operator's own requests and by Kopf's."""

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import getproxies

import aiohttp
import kopf
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from mltask_operator.api.hosts import is_loopback
from mltask_operator.kube.slim_answers import SlimAnswers

logger = logging.getLogger(__name__)

RELOAD_PAUSE_SECONDS = 5.0
"""Shortest time between two loads. Without it, a rejected token would be reloaded in a hot loop."""


class NoCredentials(Exception):
    """No kubeconfig and no service account is usable; the text says what to do."""


class Credentials:
    """The ambient kubeconfig ($KUBECONFIG, ~/.kube/config) or else the Pod's service account."""

    def __init__(self, reload_pause: float = RELOAD_PAUSE_SECONDS) -> None:
        """Load nothing yet. `reload_pause` is the shortest time in seconds between two loads."""
        self._reload_pause = reload_pause
        self.configuration = Configuration()
        self._loaded_at = float("-inf")
        self._renewal = asyncio.Lock()
        self._tls: ssl.SSLContext | None = None

    async def load(self) -> None:
        """Load or reload the credentials. Raises NoCredentials if none are usable."""
        self._loaded_at = time.monotonic()
        configuration = Configuration()
        kubeconfig = os.environ.get("KUBECONFIG") or _default_kubeconfig()
        try:
            if kubeconfig:
                await config.load_kube_config(
                    kubeconfig, client_configuration=configuration, persist_config=False
                )
            else:
                config.load_incluster_config(client_configuration=configuration)
        except (config.ConfigException, yaml.YAMLError, OSError, TypeError, ValueError) as error:
            raise NoCredentials(
                f"no usable credentials in {kubeconfig or 'this Pod'}: {_in_a_line(error)}. "
                "Set KUBECONFIG to a kubeconfig file, or run in a Pod that has a service account"
            ) from error
        self.configuration = configuration
        self._tls = None

    @property
    def tls(self) -> ssl.SSLContext:
        """The TLS context with the current certificates. Older connections are not reused."""
        if self._tls is None:
            self._tls = RESTClientObject(self.configuration).ssl_context
        return self._tls

    async def renew(self, refused: Configuration) -> None:
        """Reload the credentials after a 401, at most once per reload pause.

        `refused` is the configuration that the API server rejected. Concurrent requests that were
        rejected with the same one share a reload. Raises NoCredentials if none are usable.
        """
        async with self._renewal:
            if self.configuration is refused:
                since = time.monotonic() - self._loaded_at
                await asyncio.sleep(max(0, self._reload_pause - since))
                await self.load()

    def session(self) -> aiohttp.ClientSession:
        """Return a session for the API server; each request carries the current token."""
        return self._session(self._authorize)

    def session_for_kopf(
        self,
        take: Callable[[str, dict[str, Any]], object],
        on_listing: Callable[[str], object],
    ) -> kopf.AiohttpSession:
        """Return the session for Kopf's requests. It hides a 401 for an outdated token from Kopf.

        `take` receives each object that Kopf lists, after the plural name of its resource;
        `on_listing` the path of each listing that begins.

        After a 401, Kopf closes the session while other watches connect, which ends the operator.
        An expired client certificate needs exactly that, because Kopf then logs in again.
        """
        session = self._session(
            SlimAnswers(take, on_listing), self._until_accepted, self._authorize
        )
        return kopf.AiohttpSession(server=self.configuration.host, aiohttp_session=session)

    def _session(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.tls),
            proxy=self.configuration.proxy,
            trust_env=self._may_use_a_proxy(),
            middlewares=middlewares,
        )

    def _may_use_a_proxy(self) -> bool:
        """Return whether HTTPS_PROXY and NO_PROXY matter for this API server.

        They don't for a loopback address, such as kind's: Go, and so kubectl, never sends such
        requests to a proxy. Without a proxy the answer is False, since looking one up costs aiohttp
        a thread and a read of ~/.netrc for each request.
        """
        return bool(getproxies()) and not is_loopback(self.configuration.host)

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if token := await self.configuration.get_api_key_with_prefix("BearerToken"):
            request.headers["Authorization"] = token
        return await handler(request)

    async def _until_accepted(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        while True:
            used = self.configuration
            response = await handler(request)
            if response.status != 401 or used.cert_file:
                return response
            response.release()
            logger.warning("credentials rejected (401), reloading them")
            try:
                await self.renew(used)
            except NoCredentials as error:
                logger.warning("failed to reload the credentials: %s", error)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _default_kubeconfig() -> str | None:
    default = Path("~/.kube/config").expanduser()
    return str(default) if default.exists() else None
