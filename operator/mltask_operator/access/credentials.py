"""Credentials for the API server: loaded once, renewed when they are rejected or about to expire.

Operator and client use these, and so do Kopf's watches.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from mltask_operator.access import kubeconfig, tls
from mltask_operator.access.exec_plugin import PLUGIN_SECONDS, PluginFailed
from mltask_operator.access.kubeconfig import Context, InvalidKubeconfig
from mltask_operator.access.proxies import proxy_for

RELOAD_PAUSE_SECONDS = 5.0
"""Shortest time between two loads. Without it, a rejected token would be reloaded in a hot loop."""
EARLY = 0.8
"""The part of a token's lifetime after which it is renewed, while requests go on with it."""
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_UNUSABLE = (
    config.ConfigException,
    InvalidKubeconfig,
    PluginFailed,
    tls.BadCertificate,
    aiohttp.ClientError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)


class NoCredentials(Exception):
    """No kubeconfig and no service account is usable. The text says why and what to do."""


@dataclass(frozen=True, eq=False)
class Access:
    """One loaded state of the credentials."""

    host: str
    """The URL of the API server, without a slash at the end."""
    namespace: str
    tls: ssl.SSLContext
    server_name: str | None
    """The name that the server's certificate is checked for, where it is not the host's."""
    proxy: str | None
    renew_at: float
    """Unix time in seconds from which on new credentials are fetched in the background."""
    configuration: Configuration

    async def authorization(self) -> str | None:
        """Return the header Authorization, or None. A service account's token is read again.

        Raises NoCredentials where that token is gone.
        """
        try:
            token = await self.configuration.get_api_key_with_prefix("BearerToken")
        except (config.ConfigException, OSError) as error:
            raise NoCredentials(f"the service account's token: {tls.reason(error)}") from error
        return token.strip() if token else None

    @property
    def options(self) -> dict[str, Any]:
        """The options of an aiohttp request that depend on the credentials."""
        # A redirect would carry the token to another host. No API server sends one.
        return {"ssl": self.tls, "proxy": self.proxy, "allow_redirects": False}


class Credentials:
    """A kubeconfig, or else the Pod's service account."""

    def __init__(
        self,
        files: str | None = None,
        context: str | None = None,
        reload_pause: float = RELOAD_PAUSE_SECONDS,
        plugin_seconds: float = PLUGIN_SECONDS,
    ) -> None:
        """Load nothing yet. `files` are paths as in $KUBECONFIG; by default those of kubectl.

        `reload_pause` is the shortest time between two loads, and `plugin_seconds` is how long an
        exec plugin may run, both in seconds.
        """
        self._files = files
        self._context = context
        self._reload_pause = reload_pause
        self._plugin_seconds = plugin_seconds
        self._loaded_at = float("-inf")
        self._renewal: asyncio.Task[NoCredentials | None] | None = None
        self.current: Access
        """The access that requests use. Each successful load replaces it."""

    async def load(self) -> None:
        """Load or reload the credentials. Raises NoCredentials if none are usable."""
        self._loaded_at = time.monotonic()
        files = self._files or kubeconfig.default_files()
        try:
            async with asyncio.timeout(self._plugin_seconds + 1):
                found = await self._found(files)
                self.current = _access(found)
        except _UNUSABLE as error:
            where = files or "this Pod"
            raise NoCredentials(
                f"no usable credentials in {where}: {tls.reason(error)}. {_advice(error)}"
            ) from error

    async def _found(self, files: str | None) -> Context:
        if files:
            return await kubeconfig.load(files, self._context, self._plugin_seconds)
        configuration = Configuration()
        config.load_incluster_config(client_configuration=configuration)
        return Context(configuration, _service_account_namespace(), expires_at=None)

    async def renew(self, refused: Access) -> None:
        """Reload the credentials after the API server rejected these ones.

        Waiting callers share one reload. It continues if one of them is cancelled, so a slow exec
        plugin finishes although each request waits only briefly. Raises NoCredentials if
        none are usable; `current` is then unchanged.
        """
        if self.current is not refused:
            return
        if fault := await asyncio.shield(self._renewing()):
            raise NoCredentials(str(fault)) from fault

    def _renewing(self) -> "asyncio.Task[NoCredentials | None]":
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._reload(), name="credentials")
        return self._renewal

    async def _reload(self) -> NoCredentials | None:
        since = time.monotonic() - self._loaded_at
        await asyncio.sleep(max(0, self._reload_pause - since))
        try:
            await self.load()
        except NoCredentials as error:
            return error
        return None

    async def close(self) -> None:
        """End a reload that is still running."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    def session(
        self,
        *outer: aiohttp.ClientMiddlewareType,
        connector: aiohttp.BaseConnector | None = None,
        **options: Any,
    ) -> aiohttp.ClientSession:
        """Return a session for the API server; each request carries the current token.

        Requests need `current.options`, so that no older connection is used. `outer` middlewares
        come before the token's.
        """
        return aiohttp.ClientSession(
            connector=connector or aiohttp.TCPConnector(limit=0),
            middlewares=(*outer, self._authorize),
            **options,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        access = self.current
        if time.time() >= access.renew_at:
            self._renewing()
        request.server_hostname = access.server_name
        try:
            if token := await access.authorization():
                request.headers["Authorization"] = token
        except NoCredentials as error:
            raise aiohttp.ClientConnectionError(str(error)) from error
        return await handler(request)


def _access(found: Context) -> Access:
    """Return the access of a loaded context. Raises BadCertificate and InvalidKubeconfig."""
    configuration, now = found.configuration, time.time()
    token = configuration.api_key.get("BearerToken") or ""
    if not token.strip().isprintable():
        raise InvalidKubeconfig("the token has characters that no token has")
    host = configuration.host.rstrip("/")
    expires_at = float("inf") if found.expires_at is None else found.expires_at
    return Access(
        host=host,
        namespace=found.namespace,
        tls=tls.context_for(configuration),
        server_name=configuration.tls_server_name,
        proxy=configuration.proxy or proxy_for(host),
        renew_at=now + EARLY * (expires_at - now),
        configuration=configuration,
    )


def _service_account_namespace() -> str:
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    except OSError:
        return "default"


def _advice(error: Exception) -> str:
    if isinstance(error, PluginFailed):
        return "Log in again as that plugin needs it: `kubectl get mltasks` runs it too"
    return "Set KUBECONFIG to a kubeconfig file, or run in a Pod that has a service account"
