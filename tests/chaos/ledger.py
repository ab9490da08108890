"""Ledger: the Pods that the operator created, from one pass over the audit log."""

import json
import threading
from collections import Counter, defaultdict

from localcluster import Cluster
from tests.api.audit import OPERATOR


class Ledger:
    """The operator's Pod creations in the audit log that the API server answered with 201."""

    def __init__(self, cluster: Cluster) -> None:
        self._log = cluster.audit_log.path
        self._read_up_to = 0
        self._made: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def made(self, namespace: str) -> Counter[str]:
        """Return how many Pods of each name the operator has created in this namespace so far."""
        with self._lock:
            self._read_on()
            return Counter(self._made[namespace])

    def _read_on(self) -> None:
        with self._log.open("rb") as log:
            log.seek(self._read_up_to)
            for line in log:
                if not line.endswith(b"\n"):
                    return
                self._read_up_to += len(line)
                if b'"verb":"create"' in line:
                    self._note(json.loads(line))

    def _note(self, event: dict[str, object]) -> None:
        match event:
            case {
                "user": {"username": str(user)},
                "objectRef": {"resource": "pods", "namespace": str(namespace), **target},
                "responseStatus": {"code": 201},
            } if user == OPERATOR and "subresource" not in target:
                self._made[namespace][str(target.get("name"))] += 1
