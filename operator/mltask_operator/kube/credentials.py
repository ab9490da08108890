"""Who the operator is to the API server, for its own requests and for Kopf's alike."""

import asyncio
import os
import time
from pathlib import Path

import kopf
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

RELOAD_PAUSE_SECONDS = 5.0
"""Between two loads. A token that stays refused would otherwise be read anew in a hot loop: Kopf
logs in again after each 401, without a pause of its own."""


class NoCredentials(Exception):
    """Neither a kubeconfig nor a service account could be used; the text says what to do."""


class Credentials:
    """The ambient kubeconfig ($KUBECONFIG, ~/.kube/config) or else the Pod's service account."""

    def __init__(self) -> None:
        self.configuration = Configuration()
        self._loaded_at = float("-inf")
        self._is_known_to_kopf = False

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

    async def reload(self) -> None:
        """Load anew after a 401, RELOAD_PAUSE_SECONDS after the last time at the earliest."""
        since = time.monotonic() - self._loaded_at
        await asyncio.sleep(max(0, RELOAD_PAUSE_SECONDS - since))
        await self.load()

    async def login_for_kopf(self) -> kopf.ConnectionInfo:
        """Return the credentials in Kopf's form: as loaded at first, then each time anew."""
        if self._is_known_to_kopf:
            await self.reload()
        self._is_known_to_kopf = True
        held = self.configuration
        authorization = await held.get_api_key_with_prefix("BearerToken") or ""
        scheme, _, token = authorization.partition(" ")
        return kopf.ConnectionInfo(
            server=held.host,
            ca_path=held.ssl_ca_cert,
            insecure=not held.verify_ssl,
            scheme=scheme or None,
            token=token or None,
            certificate_path=held.cert_file,
            private_key_path=held.key_file,
            proxy_url=held.proxy,
            # As the kubernetes client does: HTTPS_PROXY and NO_PROXY count.
            trust_env=True,
        )


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _default_kubeconfig() -> str | None:
    default = Path("~/.kube/config").expanduser()
    return str(default) if default.exists() else None
