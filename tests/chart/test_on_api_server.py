"""What a real API server makes of a release: its notes, how it upgrades, what it leaves."""

import json
import shutil
from pathlib import Path

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
