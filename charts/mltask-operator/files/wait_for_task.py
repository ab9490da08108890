"""What the Pod of `helm test` runs, with namespace and name of the task that Helm has created."""

import sys
import time

from mltask import Client, MLTaskError, Refused

SECONDS = 180
"""Helm itself waits for five minutes, and the task ends where its Pod does not start in two."""
RBAC_SECONDS = 10
"""RBAC learns of this Pod's role a moment late."""


def wait_for(namespace: str, name: str) -> str:
    """Return the result of the MLTask once it has succeeded; raise MLTaskError else."""
    started = time.monotonic()
    with Client(namespace=namespace) as client:
        while True:
            try:
                return client.wait(name, SECONDS).status.result or ""
            except Refused as error:
                if error.code != 403 or time.monotonic() - started > RBAC_SECONDS:
                    raise
                time.sleep(1)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{wait_for(*sys.argv[1:])}\n")
    except MLTaskError as error:
        sys.exit(f"The operator does not run tasks: {error}")
