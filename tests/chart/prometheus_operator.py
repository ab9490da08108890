"""The definitions of the Prometheus operator's kinds, as its own release has them."""

import json
from pathlib import Path

from localcluster import cache, golang

MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""What go.sum would say of it: whatever comes from a proxy or a cache has this content."""


def definitions() -> list[Path]:
    """Return the files; Go fetches them once. Raise ClusterError where they cannot be had."""
    store = cache.folder("tools")
    go = golang.find(store, ()) or golang.install(store)
    module = json.loads(go.output(store, "mod", "download", "-json", f"{MODULE}@{VERSION}"))
    assert module["Sum"] == SUM, module
    folder = Path(module["Dir"], "example", "prometheus-operator-crd")
    kinds = ("servicemonitors", "prometheusrules")
    return [folder / f"monitoring.coreos.com_{kind}.yaml" for kind in kinds]
