"""Who the operator is to the API server, for its own requests and for Kopf's alike."""

import asyncio
import logging
import os
import ssl
import time
from pathlib import Path
from urllib.request import getproxies

import aiohttp
import kopf
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from mltask_operator.api.hosts import is_loopback
from mltask_operator.kube.slim_answers import slim_answers

logger = logging.getLogger(__name__)

RELOAD_PAUSE_SECONDS = 5.0
"""Between two loads. A token that stays refused would otherwise be read anew in a hot loop."""


class NoCredentials(Exception):
    """Neither a kubeconfig nor a service account could be used; the text says what to do."""


class Credentials:
    """The ambient kubeconfig ($KUBECONFIG, ~/.kube/config) or else the Pod's service account."""

    def __init__(self) -> None:
        self.configuration = Configuration()
        self._loaded_at = float("-inf")
        self._renewal = asyncio.Lock()
        self._tls: ssl.SSLContext | None = None

    async def load(self) -> None:
        """Load the credentials anew. Raise NoCredentials where there are none to use."""
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
        """The certificates that were loaded last. Connections made with others are not reused."""
        if self._tls is None:
            self._tls = RESTClientObject(self.configuration).ssl_context
        return self._tls

    async def renew(self, refused: Configuration) -> None:
        """Load anew after a 401, RELOAD_PAUSE_SECONDS after the last time at the earliest.

        It is done once for all whom the API server has refused with the same configuration.
        """
        async with self._renewal:
            if self.configuration is refused:
                since = time.monotonic() - self._loaded_at
                await asyncio.sleep(max(0, RELOAD_PAUSE_SECONDS - since))
                await self.load()

    def session(self) -> aiohttp.ClientSession:
        """Return connections to the API server; each request comes with the token of the moment."""
        return self._session(self._authorize)

    def session_for_kopf(self) -> kopf.AiohttpSession:
        """Return what Kopf makes its requests with. It never sees a 401 for an outdated token.

        After one it would close the session while other watches connect, which ends the operator.
        Where a client certificate has expired, that is what is needed: a start with a new one.
        """
        session = self._session(slim_answers, self._until_accepted, self._authorize)
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
            logger.warning("The API server accepts the credentials no more: they are read anew")
            try:
                await self.renew(used)
            except NoCredentials as error:
                logger.warning("There are %s", error)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _default_kubeconfig() -> str | None:
    default = Path("~/.kube/config").expanduser()
    return str(default) if default.exists() else None
