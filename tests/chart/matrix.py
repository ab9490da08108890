"""The values that the chart is tried with, each set under a name that says what it is about."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.chart.chart import CHART, NAME, ROOT, Helm, Objects

Values = dict[str, Any]

MONITORING: Values = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "labels": {"dashboards": "yes"}},
}
POLICY: Values = {
    "enabled": True,
    "metricsFrom": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ],
    "egress": [
        {"to": [{"ipBlock": {"cidr": "192.0.2.1/32"}}], "ports": [{"port": 6443}]},
    ],
}
PODS: Values = {
    "image": {"repository": "r.example/x", "digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "extraEnv": [
        {"name": "HTTPS_PROXY", "value": "http://proxy:3128"},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ],
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    "podAnnotations": {"example.com/scrape": "true"},
    "podLabels": {"team": "ml"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "ml", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["system"]}]}
                ]
            }
        }
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
        }
    ],
    "priorityClassName": "system-cluster-critical",
}
OBJECTS: Values = {
    "commonLabels": {"cost-center": "42"},
    "deploymentAnnotations": {"example.com/owner": "platform"},
    "serviceAccount": {"name": "mltasks", "annotations": {"example.com/role": "operator"}},
    "revisionHistoryLimit": 3,
}
IN_THE_DOCS: Values = yaml.safe_load(
    (ROOT / "docs" / "security.md")
    .read_text()
    .partition("else is reachable:\n")[2]
    .partition("\n\nThe ")[0]
)
"""The network policy that docs/security.md shows."""
TWO_NAMESPACES: Values = {"namespaces": ["team-a", "team-b"]}


@dataclass(frozen=True)
class Case:
    """Values, and the release that has them."""

    name: str
    values: Values = field(default_factory=dict)
    release: str = NAME

    def render(self, helm: Helm, folder: Path) -> str:
        """Return what `helm template` prints, in the namespace mltask-system."""
        file = folder / "values.yaml"
        file.write_text(yaml.safe_dump(self.values))
        values = ("--namespace", "mltask-system", "--values", str(file))
        ended = helm("template", self.release, str(CHART), *values)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def objects(self, helm: Helm, folder: Path) -> Objects:
        """Return what it prints, as objects."""
        rendered = yaml.load_all(self.render(helm, folder), yaml.CSafeLoader)
        return [found for found in rendered if found]


EVERYTHING = Case(
    "everything",
    {
        **PODS,
        **OBJECTS,
        "replicaCount": 3,
        "metrics": {"port": 9090, **MONITORING},
        "networkPolicy": POLICY,
        "logFormat": "plain",
        "logLevel": "debug",
        "fullnameOverride": "tasks",
    },
)
CASES = (
    Case("defaults"),
    EVERYTHING,
    Case("everything, namespaced", {**EVERYTHING.values, **TWO_NAMESPACES}),
    Case("namespaced", TWO_NAMESPACES),
    Case("its own namespace alone", {"namespaces": ["mltask-system"]}),
    Case("one replica", {"replicaCount": 1}),
    Case("no replica", {"replicaCount": 0}),
    Case("no metrics", {"metrics": {"enabled": False, **MONITORING}}),
    Case("monitoring", {"metrics": MONITORING}),
    Case("by digest", {"image": {"digest": f"sha256:{'b' * 64}"}}),
    Case("by tag", {"image": {"repository": "r.example:5000/a/b", "tag": "v1.2_3"}}),
    Case("placed", PODS),
    Case("labelled", OBJECTS),
    Case("an account that is there", {"serviceAccount": {"create": False, "name": "default"}}),
    Case("network policy", {"networkPolicy": {"enabled": True}}),
    Case(
        "network policy without metrics", {"networkPolicy": POLICY, "metrics": {"enabled": False}}
    ),
    Case("no definition", {"crds": {"install": False}}),
    Case("definition not kept", {"crds": {"keep": False}}),
    Case("no resources", {"resources": {"requests": None, "limits": None}}),
    Case("another name", {"nameOverride": "tasks"}, release="mltask"),
    Case("a long name", {"nameOverride": "n" * 63}, release="mltask"),
    Case("a long full name", {"fullnameOverride": "n" * 63, "networkPolicy": {"enabled": True}}),
    Case("a long release", {"metrics": MONITORING, "networkPolicy": POLICY}, release="r" * 53),
    Case("a long release, namespaced", TWO_NAMESPACES, release=f"{'r' * 48}-{'s' * 4}"),
)
