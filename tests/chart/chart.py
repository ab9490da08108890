"""The chart, as files and as a release on a cluster."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcluster import Cluster

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "mltask-operator"
NAME = "mltask-operator"
HOME = ("--namespace", "mltask-system")
OPERATOR = f"system:serviceaccount:mltask-system:{NAME}"
"""The user that the operator is to the API server."""

Objects = list[dict[str, Any]]
Ended = subprocess.CompletedProcess[str]
Helm = Callable[..., Ended]
Render = Callable[..., Objects]


def wait_until_established(cluster: Cluster) -> None:
    """Wait until the API server serves MLTasks."""
    # kubectl refuses to wait for a condition of an object that has no conditions yet. The
    # accepted names come with the first ones.
    for state in ("jsonpath={.status.acceptedNames.kind}=MLTask", "condition=Established"):
        cluster.kubectl("wait", "crd/mltasks.mltask.dev", f"--for={state}", "--timeout=180s")


@contextmanager
def release(cluster: Cluster, *flags: str, chart: Path = CHART) -> Iterator[None]:
    """Have the chart installed, and at the end neither its release nor the definition."""
    cluster.helm("install", NAME, str(chart), *HOME, *flags)
    try:
        wait_until_established(cluster)
        yield
    finally:
        # No simulated node runs the hook; tests/e2e/test_chart_install.py does, on a real one.
        cluster.helm("uninstall", NAME, *HOME, "--wait", "--no-hooks")
        cluster.kubectl("delete", "crd", "mltasks.mltask.dev", "--ignore-not-found")


def is_denied(event: dict[str, Any]) -> bool:
    """Whether RBAC refused the request of this audit event; admission may refuse for more."""
    annotations: dict[str, str] = event.get("annotations", {})
    return annotations.get("authorization.k8s.io/decision") == "forbid"
