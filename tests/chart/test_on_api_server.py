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

from localcluster import Cluster, ClusterError
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


@pytest.mark.parametrize(
    ("flags", "served", "place"),
    [
        ((), "in the whole cluster", "default"),
        (("--set", "namespaces={team-a,team-b}"), "in team-a, team-b", "team-a"),
    ],
    ids=["cluster-wide", "namespaced"],
)
def test_the_notes_say_what_to_do_next(
    cluster: Cluster, flags: tuple[str, ...], served: str, place: str
) -> None:
    with release(cluster, *flags):
        notes = cluster.helm("get", "notes", NAME, *HOME)
        assert f"runs tasks {served}." in notes
        assert f"\nhelm test {NAME} --namespace mltask-system\n" in notes
        applied = f"\nkubectl apply --namespace {place} -f - <<TASK\n"
        task = notes.partition(applied)[2].partition("\nTASK\n")[0]
        dry_run = ("apply", "--namespace", place, "--dry-run=server", "--validate=strict")
        said = cluster.kubectl(*dry_run, "-f", "-", stdin=task)
        assert said.startswith("mltask.mltask.dev/hello created")
        logs = next(line for line in notes.splitlines() if line.startswith("kubectl logs"))
        cluster.kubectl("get", "pods", *logs.split("--prefix")[0].split()[2:])


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


def test_an_upgrade_may_change_all_but_the_selector(cluster: Cluster) -> None:
    def upgrade(*values: str) -> None:
        sets = [word for value in values for word in ("--set", value)]
        cluster.helm("upgrade", NAME, str(CHART), *HOME, "--reset-then-reuse-values", *sets)

    with release(cluster, "--set", "fullnameOverride=tasks"):
        upgrade("commonLabels.a=b", "podLabels.c=d", "networkPolicy.enabled=true")
        with pytest.raises(ClusterError, match="field is immutable"):
            upgrade("nameOverride=other")
        upgrade("nameOverride=other", "fullnameOverride=others")
        names = cluster.kubectl("get", "deployments,networkpolicies", *HOME, "-o", "name").split()
        assert {name.rpartition("/")[2] for name in names} == {"others"}


def test_a_definition_is_handed_over(cluster: Cluster) -> None:
    with release(cluster):
        cluster.helm("upgrade", NAME, str(CHART), *HOME, "--set", "crds.install=false")
        there = ("get", "crd", "mltasks.mltask.dev", "-o", "json")
        cluster.kubectl(*there)
        taking = ("--set", "namespaces={team-b}", "--take-ownership")
        cluster.helm("install", "next", str(CHART), "--namespace", "team-b", *taking)
        try:
            annotations = json.loads(cluster.kubectl(*there))["metadata"]["annotations"]
            assert annotations["meta.helm.sh/release-name"] == "next"
        finally:
            cluster.helm("uninstall", "next", "--namespace", "team-b", "--no-hooks")


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
