"""Audit log: the API server's record of each request that it answered."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- level: Metadata
"""


class AuditLog:
    """The audit log of one cluster.

    The API server writes a line after it has sent the answer, so wait for the last request that you
    count on. `path` is the file: one audit.k8s.io/v1 Event in JSON per line.
    """

    def __init__(self, state: Path) -> None:
        """Find the log below `state`, the cluster's folder."""
        self.path = state / "logs" / "audit.log"
        self._policy = state / "audit-policy.yaml"

    def configure(self) -> list[str]:
        """Write the audit policy; return the API server's options for this log."""
        self._policy.write_text(POLICY)
        return [
            f"--audit-policy-file={self._policy}",
            f"--audit-log-path={self.path}",
            # In MB. By default the API server rotates the file at 100, and counts would restart.
            "--audit-log-maxsize=100000",
        ]

    def events(self, since: int = 0, about: str = "") -> Iterator[dict[str, Any]]:
        """Yield an audit.k8s.io/v1 Event, without bodies, for each request in the log.

        `since` is an earlier `size` in bytes; events that the log held then are left out. `about`
        is a text, such as a namespace: events whose line lacks it are left out. This search costs
        far less than parsing.
        """
        text = about.encode()
        with self.path.open("rb") as log:
            if since:
                # The API server may have been writing a line when the size was read.
                log.seek(since - 1)
                log.readline()
            for line in log:
                if text in line and line.endswith(b"\n"):
                    yield json.loads(line)

    def size(self) -> int:
        """Return the current size of the log in bytes."""
        return self.path.stat().st_size
