"""Kubeconfig: the API server, the user and the namespace that kubectl would take.

The official client's loader reads a context. Merging files and running exec plugins are ours: its
messages quote whole users with their tokens, and after a failed plugin it continues without any
credentials, as system:anonymous.
"""

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config.kube_config import KubeConfigLoader

from mltask_operator.access import exec_plugin

Json = dict[str, Any]

DEFAULT_FILE = Path("~/.kube/config")
_PATHS = {
    "clusters": ("cluster", ("certificate-authority",)),
    "users": ("user", ("client-certificate", "client-key", "tokenFile")),
}
"""The sections with paths, where an entry's content is, and its fields that are paths."""


_CERTIFICATES = {"client-certificate", "client-certificate-data"}


class InvalidKubeconfig(Exception):
    """A kubeconfig cannot be used. The text has no part of a user's credentials."""


@dataclass(frozen=True)
class Context:
    """A context of a kubeconfig, loaded: how to connect, and in which namespace."""

    configuration: Configuration
    namespace: str
    expires_at: float | None
    """Unix time in seconds at which the credentials expire, where an exec plugin has said so."""


def default_files() -> str | None:
    """Return the paths that $KUBECONFIG holds, or ~/.kube/config, or None without either."""
    default = DEFAULT_FILE.expanduser()
    return os.environ.get("KUBECONFIG") or (str(default) if default.exists() else None)


async def load(files: str, name: str | None, plugin_seconds: float) -> Context:
    """Load a context, the current one by default. `files` are paths, joined as in $KUBECONFIG.

    Raises InvalidKubeconfig, exec_plugin.PluginFailed, and what the official client's loader
    raises for wrong content: ConfigException, OSError, LookupError, TypeError, ValueError or
    AttributeError.
    """
    context, cluster, chosen_user = _chosen(merged(files), name)
    user = _without_nulls(chosen_user)
    expires_at = None
    if plugin := user.pop("exec", None):
        found = await exec_plugin.run(plugin, plugin_seconds)
        user |= _fields_of(found)
        expires_at = found.expires_at.timestamp() if found.expires_at else None
    configuration = Configuration()
    await _loader(_without_nulls(cluster), user).load_and_set(configuration)
    # A file that is read while it is written may look like that.
    if chosen_user and not (configuration.api_key or user.keys() & _CERTIFICATES):
        raise InvalidKubeconfig("the context's user has neither a token nor a certificate")
    return Context(configuration, context.get("namespace") or "default", expires_at)


def _chosen(whole: Json, name: str | None) -> tuple[Json, Json, Json]:
    """Return a context, its cluster and its user. Raises InvalidKubeconfig."""
    context = _named(whole, "context", name or whole.get("current-context"))
    cluster = _named(whole, "cluster", context.get("cluster"))
    server = urlsplit(str(cluster.get("server") or ""))
    # An impossible port raises ValueError.
    if server.scheme not in ("http", "https") or not server.hostname or server.port == 0:
        raise InvalidKubeconfig("the context's cluster has no server that begins with https://")
    if urlsplit(str(cluster.get("proxy-url") or "http:")).scheme not in ("http", "https"):
        raise InvalidKubeconfig("the cluster's proxy-url is not of scheme http or https")
    return context, cluster, _named(whole, "user", context.get("user"))


def _named(whole: Json, kind: str, name: Any) -> Json:
    """Return a copy of the entry of this name. Raises InvalidKubeconfig."""
    found = (entry[kind] for entry in whole[f"{kind}s"] if entry["name"] == name)
    if (entry := next(found, None)) is None:
        raise InvalidKubeconfig(f"there is no {kind} {name!r}" if name else f"no {kind} is chosen")
    return dict(entry)


def _without_nulls(entry: Json) -> Json:
    return {name: value for name, value in entry.items() if value is not None}


def _fields_of(credential: exec_plugin.Credential) -> Json:
    """Return the credential of a plugin as fields of a user."""
    fields = {
        "token": credential.token,
        "client-certificate-data": _in_base64(credential.certificate),
        "client-key-data": _in_base64(credential.key),
    }
    return {name: value for name, value in fields.items() if value}


def _in_base64(text: str | None) -> str | None:
    return base64.b64encode(text.encode()).decode() if text else None


def _loader(cluster: Json, user: Json) -> KubeConfigLoader:
    context = {"cluster": "chosen", "user": "chosen"}
    chosen = {"context": context, "cluster": cluster, "user": user}
    whole = {f"{kind}s": [{"name": "chosen", kind: entry}] for kind, entry in chosen.items()}
    return KubeConfigLoader({"current-context": "chosen", **whole}, config_base_path="")


def merged(files: str) -> Json:
    """Return one kubeconfig, merged as kubectl does: the first file to name something wins.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    Paths in it are made absolute. Raises InvalidKubeconfig and OSError.
    """
    paths = [Path(file).expanduser() for file in files.split(os.pathsep) if file]
    found = [path for path in paths if path.exists()]
    if not found:
        raise InvalidKubeconfig("no such file")
    whole: Json = {"clusters": [], "contexts": [], "users": []}
    for path in found:
        document = _read(path)
        if current := document.get("current-context"):
            whole.setdefault("current-context", current)
        for section, entries in whole.items():
            if section != "current-context":
                taken = {entry["name"] for entry in entries}
                entries += (e for e in _entries(document, section, path) if e["name"] not in taken)
    return whole


def _read(path: Path) -> Json:
    try:
        # From a file, not from its text: the parser's messages quote the text.
        with path.open(encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise InvalidKubeconfig(f"{path} is not YAML{line}") from error
    if not isinstance(document, dict):
        raise InvalidKubeconfig(f"{path} is no kubeconfig")
    return document


def _entries(document: Json, section: str, path: Path) -> Iterator[Json]:
    """Yield the named entries of a section, with absolute paths."""
    inner, fields = _PATHS.get(section, ("context", ()))
    for entry in document.get(section) or ():
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise InvalidKubeconfig(f"{path}: an entry of {section} has no name")
        content = entry.get(inner)
        if not isinstance(content, dict):
            raise InvalidKubeconfig(f"{path}: {section} {entry['name']} has no {inner}")
        absolute: Json = {
            field: str(path.parent.absolute() / content[field])
            for field in fields
            if content.get(field)
        }
        command = (content.get("exec") or {}).get("command")
        # kubectl looks up a bare name in $PATH, and takes a path from the kubeconfig's folder.
        if isinstance(command, str) and os.sep in command:
            started = str(path.parent.absolute() / command)
            absolute["exec"] = {**content["exec"], "command": started}
        yield {**entry, inner: {**content, **absolute}}
