"""What a real API server makes of the chart: what it admits, how it upgrades, what it leaves."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import Cluster
from tests.chart.chart import CHART, HOME, NAME, release

pytestmark = pytest.mark.api

TASK = """
apiVersion: mltask.dev/v1alpha1
kind: MLTask
metadata: {name: kept, namespace: team-b}
spec:
  image: busybox
  resources: {requests: {cpu: 100m}}
"""
EVERY_VALUE = {
    "image": {"repository": "r.example/x", "digest": f"sha256:{'a' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicaCount": 3,
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "metrics": {"port": 9090, "dashboard": {"enabled": True, "labels": {"dashboards": "yes"}}},
    "logFormat": "plain",
    "logLevel": "debug",
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    "podAnnotations": {"example.com/a": "b"},
    "podLabels": {"team": "ml"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "ml", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "fullnameOverride": "tasks",
}


@pytest.mark.parametrize(
    "values",
    [{}, {"namespaces": ["team-a", "team-b"]}, {"crds": {"keep": False}}, EVERY_VALUE],
    ids=["defaults", "namespaced", "definition not kept", "every value"],
)
def test_the_api_server_admits_every_object(
    cluster: Cluster, values: dict[str, Any], tmp_path: Path
) -> None:
    chosen = tmp_path / "values.yaml"
    chosen.write_text(yaml.safe_dump(values))
    rendered = cluster.helm("template", NAME, str(CHART), *HOME, "--values", str(chosen))
    cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=rendered)


def test_the_pod_fits_the_restricted_pod_security_standard(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "restricted")
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", "restricted", restricted)
    rendered = cluster.helm("template", NAME, str(CHART), "-s", "templates/deployment.yaml")
    template = yaml.safe_load(rendered)["spec"]["template"]
    template["spec"]["serviceAccountName"] = "default"
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"]["name"] = "operator"
    dry_run = ("create", "--dry-run=server", "--namespace=restricted", "-f", "-")
    cluster.kubectl(*dry_run, stdin=json.dumps(pod))


def test_the_first_task_that_the_notes_show_is_admitted(cluster: Cluster) -> None:
    with release(cluster):
        notes = cluster.helm("get", "notes", NAME, *HOME)
        task = notes.partition("<<TASK\n")[2].partition("\nTASK\n")[0]
        said = cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=task)
        assert said.startswith("mltask.mltask.dev/hello created")


def test_an_upgrade_upgrades_the_definition(cluster: Cluster, tmp_path: Path) -> None:
    older = tmp_path / NAME
    shutil.copytree(CHART, older)
    file = older / "files" / "crds" / "mltasks.yaml"
    definition = yaml.load(file.read_text(), yaml.CSafeLoader)
    definition["spec"]["names"]["shortNames"] = ["old"]
    file.write_text(yaml.dump(definition, Dumper=yaml.CSafeDumper))
    with release(cluster, chart=older):
        cluster.helm("upgrade", NAME, str(CHART), *HOME)
        upgraded = cluster.kubectl("get", "crd", "mltasks.mltask.dev", "-o", "json")
        assert json.loads(upgraded)["spec"]["names"]["shortNames"] == ["mlt"]


def test_an_uninstall_keeps_the_tasks_for_the_next_install(cluster: Cluster) -> None:
    with release(cluster):
        cluster.kubectl("apply", "-f", "-", stdin=TASK)
        cluster.helm("uninstall", NAME, *HOME, "--wait", "--no-hooks")
        cluster.helm("install", NAME, str(CHART), *HOME)
        found = cluster.kubectl("get", "mltasks", "-n", "team-b", "-o", "name")
        assert found.strip() == "mltask.mltask.dev/kept"
