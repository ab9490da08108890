"""Nodes of a test's own on the shared cluster: only Pods placed there come to them."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Self

from localcluster import Cluster
from tests.api.client import Json

LABEL = "test.mltask.dev/pool"


@dataclass
class Pool:
    """A group of nodes; as a context manager it takes them away at the end of the block."""

    cluster: Cluster
    name: str = field(default_factory=lambda: f"pool-{uuid.uuid4().hex[:8]}")
    nodes: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            self.remove(node)

    @property
    def placement(self) -> Json:
        """What to put into a Pod's spec so that it comes to these nodes and no others."""
        return {
            "nodeSelector": {LABEL: self.name},
            "tolerations": [{"operator": "Exists", "effect": "NoSchedule"}],
        }

    def add(self, *, cpus: int = 8, is_silent: bool = False) -> str:
        """Add a node and return its name; a silent one has no kubelet, and tests play that."""
        node = f"{self.name}-{len(self.nodes)}"
        room = {"cpu": str(cpus), "memory": "1Ti", "pods": "100"}
        manifest = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": node,
                "labels": {LABEL: self.name},
                "annotations": {} if is_silent else {"kwok.x-k8s.io/node": "fake"},
            },
            "spec": {"taints": [{"key": LABEL, "effect": "NoSchedule"}]},
            "status": {"capacity": room, "allocatable": room},
        }
        self.cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
        self.nodes.append(node)
        return node

    def drive_out(self, node: str) -> None:
        """Have Kubernetes tell every Pod of the node to end."""
        self.cluster.kubectl("taint", "node", node, f"{LABEL}:NoExecute")

    def remove(self, node: str) -> None:
        """Delete the Node object, if it is still there."""
        self.cluster.kubectl("delete", "node", node, "--ignore-not-found")
