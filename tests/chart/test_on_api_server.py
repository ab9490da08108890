"""What a real API server makes of the chart: what it admits, who may do what, how it upgrades."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster import Cluster
from tests.chart.chart import CHART

pytestmark = pytest.mark.api

NAME = "mltask-operator"
HOME = ("--namespace", "mltask-system")
OPERATOR = f"system:serviceaccount:mltask-system:{NAME}"
TASKS = {"group": "mltask.dev", "resource": "mltasks"}
PODS = {"resource": "pods"}
# Not condition=Established: kubectl refuses to wait for a condition while there are none yet.
ESTABLISHED = '{.status.conditions[?(@.type=="Established")].status}=True'
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


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster.start(real_node=False) as started:
        for namespace in ("mltask-system", "team-a", "team-b"):
            started.kubectl("create", "namespace", namespace)
        yield started


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


def may(cluster: Cluster, user: str, verb: str, what: dict[str, str], namespace: str = "") -> bool:
    """Whether RBAC lets a user do something in a namespace, or in all of them."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "resourceAttributes": {"verb": verb, "namespace": namespace, **what},
        },
    }
    said = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
    return bool(json.loads(said)["status"]["allowed"])


def eventually(holds: Callable[[], bool], within: float = 30) -> bool:
    """Whether a condition comes to hold within so many seconds."""
    end = time.monotonic() + within
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.1)
    return held


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
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", "team-a", restricted)
    rendered = cluster.helm("template", NAME, str(CHART), "-s", "templates/deployment.yaml")
    template = yaml.safe_load(rendered)["spec"]["template"]
    template["spec"]["serviceAccountName"] = "default"
    pod = {"apiVersion": "v1", "kind": "Pod", **template}
    pod["metadata"]["name"] = "operator"
    cluster.kubectl("create", "--dry-run=server", "-n", "team-a", "-f", "-", stdin=json.dumps(pod))


def test_the_first_task_that_the_notes_show_is_admitted(cluster: Cluster) -> None:
    with release(cluster):
        notes = cluster.helm("get", "notes", NAME, *HOME)
        task = notes.partition("<<TASK\n")[2].partition("\nTASK\n")[0]
        said = cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=task)
        assert said.startswith("mltask.mltask.dev/hello created")


def test_the_operator_runs_tasks_anywhere_and_sees_no_secret(cluster: Cluster) -> None:
    with release(cluster):
        status = {**TASKS, "subresource": "status"}
        assert may(cluster, OPERATOR, "create", PODS, "team-b")
        assert may(cluster, OPERATOR, "watch", TASKS)
        assert may(cluster, OPERATOR, "patch", status, "team-b")
        assert not may(cluster, OPERATOR, "patch", TASKS, "team-b")
        assert not may(cluster, OPERATOR, "get", {"resource": "secrets"}, "team-b")


def test_a_namespaced_operator_may_do_nothing_elsewhere(cluster: Cluster) -> None:
    with release(cluster, "--set", "namespaces={team-a}"):
        assert may(cluster, OPERATOR, "create", PODS, "team-a")
        assert not may(cluster, OPERATOR, "create", PODS, "team-b")
        assert not may(cluster, OPERATOR, "list", TASKS)


def test_who_edits_or_views_a_namespace_does_so_with_its_tasks(cluster: Cluster) -> None:
    for user, role in (("ada", "edit"), ("vera", "view")):
        cluster.kubectl(
            *("create", "rolebinding", user, "-n", "team-b"),
            *("--user", user, "--clusterrole", role),
        )
    with release(cluster):
        assert eventually(lambda: may(cluster, "ada", "create", TASKS, "team-b"))
        assert eventually(lambda: may(cluster, "vera", "list", TASKS, "team-b"))
        assert not may(cluster, "vera", "delete", TASKS, "team-b")
        assert not may(cluster, "ada", "create", TASKS, "team-a")


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
        cluster.helm("uninstall", NAME, *HOME, "--wait")
        cluster.helm("install", NAME, str(CHART), *HOME)
        found = cluster.kubectl("get", "mltasks", "-n", "team-b", "-o", "name")
        assert found.strip() == "mltask.mltask.dev/kept"
