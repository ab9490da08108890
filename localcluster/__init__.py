"""A real Kubernetes on this machine for demo, tests and benchmarks, all from package registries."""

from . import tools
from .cluster import Cluster
from .errors import ClusterError

__all__ = ["Cluster", "ClusterError", "tools"]
