"""Simulated nodes: KWOK plays the kubelet, and no container ever runs."""

import json
from pathlib import Path

from .credentials import Credentials
from .network import Host
from .processes import Component, answers_http

STAGES = Path(__file__).parent / "stages.yaml"
CPUS = 256

CONFIGURATION = """\
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  manageNodesWithAnnotationSelector: kwok.x-k8s.io/node=fake
  cidr: 10.244.0.0/16
  nodeIP: {address}
  serverAddress: {address}:{port}
  nodeLeaseDurationSeconds: 40
  # A file of one's own has no defaults for these. The usual one for Pods is 4: a thousand that end
  # together would end one after another.
  nodeLeaseParallelism: 4
  nodePlayStageParallelism: 4
  podsOnNodeSyncParallelism: 4
  podPlayStageParallelism: 64
---
"""


def kwok(state: Path, credentials: Credentials, host: Host) -> Component:
    """Return the simulation of kubelets; stages.yaml says what it does with a Pod."""
    address, port = host.address, host.port()
    configuration = state / "kwok.yaml"
    text = CONFIGURATION.format(address=address, port=port)
    configuration.write_text(text + STAGES.read_text())
    kubeconfig = credentials.kubeconfig("kwok")
    command = ["kwok", f"--kubeconfig={kubeconfig}", f"--config={configuration}"]
    return Component("kwok", command, answers_http(f"http://{address}:{port}", "/healthz"))


def nodes(count: int, cpus: int | None) -> str:
    """Return a manifest of `count` nodes, large ones unless their number of CPUs is given."""
    capacity = {
        "cpu": str(cpus or CPUS),
        "memory": "1Ti",
        "pods": "5000",
        "nvidia.com/gpu": "64",
    }
    items = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"simulated-{number}",
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kubernetes.io/hostname": f"simulated-{number}",
                    "kubernetes.io/os": "linux",
                },
            },
            "status": {"capacity": capacity, "allocatable": capacity},
        }
        for number in range(count)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
