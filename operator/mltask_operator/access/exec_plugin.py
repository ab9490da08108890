"""Exec plugins of a kubeconfig: programs that print a token or a client certificate.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mltask_operator.escaping import one_line

Json = Mapping[str, Any]

PLUGIN_SECONDS = 120.0
"""How long a plugin may run. A person who logs in with a browser needs about a minute."""
MAX_OUTPUT = 2**20
MAX_MESSAGE = 500
"""Bytes of a plugin's standard error in a message."""


class PluginFailed(Exception):
    """An exec plugin gave no credential. The text has no part of its standard output."""


@dataclass(frozen=True)
class Credential:
    """The output of a plugin: a token, a client certificate with its key, or both."""

    token: str | None
    certificate: str | None
    key: str | None
    expires_at: datetime | None


async def run(config: Json, seconds: float = PLUGIN_SECONDS) -> Credential:
    """Run the plugin of a kubeconfig's `exec` section and return its credential.

    The plugin gets no terminal. After `seconds` it is killed, with all processes that it started.
    Raises PluginFailed.
    """
    command, version = config.get("command"), config.get("apiVersion")
    if not isinstance(command, str) or not isinstance(version, str):
        raise PluginFailed("exec needs a command and an apiVersion")
    if config.get("interactiveMode") == "Always":
        raise PluginFailed(f"{_named(command)} needs a terminal, which it does not get here")
    output = await _output(config, command, version, seconds)
    try:
        return _credential(json.loads(output), version)
    except (ValueError, TypeError, KeyError, AttributeError):
        # The output is left out, also as the error's context: it may hold a token.
        raise PluginFailed(f"{_named(command)} printed no ExecCredential {version}") from None


async def _output(config: Json, command: str, version: str, seconds: float) -> bytes:
    """Return the standard output of the plugin. Raises PluginFailed."""
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *(config.get("args") or ()),
            env=_environment(config, version),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, LookupError, TypeError, ValueError) as error:
        hint = one_line(str(config.get("installHint") or ""), MAX_MESSAGE)
        why = getattr(error, "strerror", None) or "its args or env are not as they should be"
        raise PluginFailed(
            f"{_named(command)} cannot be started: {why}" + (f" ({hint})" if hint else "")
        ) from error
    try:
        async with asyncio.timeout(seconds):
            output, errors, code = await asyncio.gather(
                _first(process.stdout, MAX_OUTPUT),
                _first(process.stderr, MAX_MESSAGE),
                process.wait(),
            )
    except BaseException as error:
        # The session of the plugin is its process group, so this includes its children.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if isinstance(error, TimeoutError):
            raise PluginFailed(f"{_named(command)} did not end within {seconds:g} s") from error
        raise
    if code:
        told = one_line(errors.decode(errors="replace").strip(), MAX_MESSAGE)
        raise PluginFailed(
            f"{_named(command)} ended with exit code {code}" + (f": {told}" if told else "")
        )
    return output


async def _first(stream: asyncio.StreamReader | None, limit: int) -> bytes:
    """Read the stream to its end and return its first bytes."""
    kept = b""
    while piece := stream and await stream.read(2**16):
        kept += piece[: limit - len(kept)]
    return kept


def _environment(config: Json, version: str) -> dict[str, str]:
    own = {each["name"]: each["value"] for each in config.get("env") or ()}
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    return {**os.environ, **own, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _credential(answer: Json, version: str) -> Credential:
    status = answer["status"]
    if answer["apiVersion"] != version or answer["kind"] != "ExecCredential":
        raise ValueError("another kind or version")
    token = status.get("token")
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if not (token or (certificate and key)):
        raise ValueError("no credential")
    expiry = status.get("expirationTimestamp")
    return Credential(token, certificate, key, datetime.fromisoformat(expiry) if expiry else None)


def _named(command: str) -> str:
    return f"the exec plugin {one_line(command, MAX_MESSAGE)}"
