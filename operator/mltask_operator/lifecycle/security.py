"""What a task's Pod may not do unless its template says so.

The defaults are those that Pod Security's profile `restricted` asks for and that hold for any
image. Whether it runs as another user than root is the image's business, so that is left out.
https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_ALLOWS_ALL = frozenset({"SYS_ADMIN", "CAP_SYS_ADMIN"})
"""The capability with which the API server refuses allowPrivilegeEscalation: false."""


def restrict(pod_spec: Json) -> dict[str, Any]:
    """Return the Pod spec with these defaults wherever it does not set the field itself."""
    restricted = {"automountServiceAccountToken": False, "enableServiceLinks": False, **pod_spec}
    if (pod_spec.get("os") or {}).get("name") == "windows":
        # The API server refuses the other fields there.
        return restricted
    restricted["securityContext"] = {
        "seccompProfile": {"type": "RuntimeDefault"},
        **(pod_spec.get("securityContext") or {}),
    }
    for part in ("containers", "initContainers"):
        if containers := pod_spec.get(part):
            restricted[part] = [_restrict_container(container) for container in containers]
    return restricted


def _restrict_container(container: Json) -> dict[str, Any]:
    given = container.get("securityContext") or {}
    if given.get("privileged"):
        return dict(container)
    defaults: dict[str, Any] = {"capabilities": {"drop": ["ALL"]}}
    if _ALLOWS_ALL.isdisjoint((given.get("capabilities") or {}).get("add") or ()):
        defaults["allowPrivilegeEscalation"] = False
    return {**container, "securityContext": {**defaults, **given}}
