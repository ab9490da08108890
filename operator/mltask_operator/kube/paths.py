"""URL paths of API objects: the one place where a name becomes part of a request.

Names come from objects that users write. An owner reference's name is not even checked by the API
server: it may hold `x/y`, `?watch=true` or `../secrets/x`. A path is built only from valid names.
"""

import re
from urllib.parse import quote

from mltask_operator.api import names

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_NAMESPACE = re.compile(_LABEL)
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_UID = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]{0,62}")
_MAX_NAME_LENGTH = 253


class InvalidName(ValueError):
    """A name that no object can have, so that no request may be made for it."""


def is_name(text: str) -> bool:
    """Return whether an object may have this name: a DNS subdomain name.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
    """
    return len(text) <= _MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    """Return whether a namespace may have this name: a DNS label."""
    return _NAMESPACE.fullmatch(text) is not None


def is_uid(text: str) -> bool:
    """Return whether this may be a uid. Kubernetes gives out UUIDs and promises only uniqueness."""
    return _UID.fullmatch(text) is not None


def tasks(namespace: str | None) -> str:
    """Return the path of the MLTasks of a namespace, or of all namespaces for None."""
    return _collection(f"/apis/{names.API_VERSION}", namespace, names.PLURAL)


def pods(namespace: str | None) -> str:
    """Return the path of the Pods of a namespace, or of all namespaces for None."""
    return _collection("/api/v1", namespace, "pods")


def events(namespace: str) -> str:
    """Return the path of the core/v1 Events of a namespace."""
    return _collection("/api/v1", namespace, "events")


def leases(namespace: str) -> str:
    """Return the path of the Leases of a namespace."""
    return _collection("/apis/coordination.k8s.io/v1", namespace, "leases")


def named(collection: str, name: str) -> str:
    """Return the path of the object of this name. Raise InvalidName where none can have it."""
    if not is_name(name):
        raise InvalidName(f"{name[:100]!r} is not a valid object name")
    return f"{collection}/{quote(name, safe='')}"


def _collection(root: str, namespace: str | None, plural: str) -> str:
    if namespace is None:
        return f"{root}/{plural}"
    if not is_namespace(namespace):
        raise InvalidName(f"{namespace[:100]!r} is not a valid namespace name")
    return f"{root}/namespaces/{quote(namespace, safe='')}/{plural}"
