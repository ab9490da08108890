"""What a real API server makes of a release: its notes, how it upgrades, what it leaves."""

import json
import os
import shutil
import subprocess
import sys
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


def test_helm_test_says_how_its_task_is(cluster: Cluster, tmp_path: Path) -> None:
    """The script of the test's Pod, with the rights of that Pod, where no operator runs."""
    with release(cluster):
        hooks = cluster.helm("get", "hooks", NAME, *HOME)
        made = [each for each in yaml.load_all(hooks, yaml.CSafeLoader) if is_test(each)]
        [pod] = [each for each in made if each["kind"] == "Pod"]
        made.remove(pod)
        cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(made))
        kubeconfig = cluster.kubeconfig_for_service_account("mltask-system", f"{NAME}-test")
        script, *arguments = pod["spec"]["containers"][0]["args"]
        ended = subprocess.run(
            [sys.executable, "-c", script.replace("SECONDS = 180", "SECONDS = 1"), *arguments],
            env=os.environ | {"KUBECONFIG": str(kubeconfig)},
            capture_output=True,
            text=True,
        )
        cluster.kubectl("delete", "-f", "-", stdin=yaml.safe_dump_all(made))
    assert ended.returncode == 1
    why = f"The operator does not run tasks: MLTask mltask-system/{NAME}-test is not finished"
    assert ended.stderr.startswith(why), ended.stderr


def is_test(found: dict[str, Any]) -> bool:
    return bool(found["metadata"]["annotations"]["helm.sh/hook"] == "test")
