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

# Not condition=Established: kubectl refuses to wait for a condition while there are none yet.
ESTABLISHED = '{.status.conditions[?(@.type=="Established")].status}=True'

Objects = list[dict[str, Any]]
Ended = subprocess.CompletedProcess[str]
Helm = Callable[..., Ended]
Render = Callable[..., Objects]


@contextmanager
def release(cluster: Cluster, *flags: str, chart: Path = CHART) -> Iterator[None]:
    """Have the chart installed, and at the end neither its release nor the definition."""
    cluster.helm("install", NAME, str(chart), *HOME, *flags)
    try:
        cluster.kubectl("wait", "crd/mltasks.mltask.dev", f"--for=jsonpath={ESTABLISHED}")
        yield
    finally:
        cluster.helm("uninstall", NAME, *HOME, "--wait")
        cluster.kubectl("delete", "crd", "mltasks.mltask.dev", "--ignore-not-found")


def is_denied(event: dict[str, Any]) -> bool:
    """Whether RBAC refused the request of this audit event; admission may refuse for more."""
    return bool(event["annotations"]["authorization.k8s.io/decision"] == "forbid")
