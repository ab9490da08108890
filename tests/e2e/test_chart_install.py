"""The way a user takes, on a real node: image, helm install, kubectl apply, helm uninstall."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcluster import Cluster, ClusterError
from tests.chart.chart import CHART, HOME, NAME, OPERATOR, ROOT, is_denied
from tests.waiting import wait_until

pytestmark = pytest.mark.node

SELECTOR = "--selector=mltask.dev/task"
LONG = {
    "apiVersion": "mltask.dev/v1alpha1",
    "kind": "MLTask",
    "metadata": {"name": "long"},
    "spec": {
        "image": "busybox:1.37",
        "command": ["sleep", "600"],
        "resources": {"requests": {"cpu": "10m"}},
        "template": {"spec": {"terminationGracePeriodSeconds": 1}},
    },
}


@pytest.fixture(scope="class")
def installed(cluster: Cluster) -> Iterator[Cluster]:
    """The chart, installed for all namespaces with its network policy."""
    install(cluster, "--set", "networkPolicy.enabled=true")
    yield cluster
    uninstall(cluster)
    assert "hello" in cluster.kubectl("get", "mltasks"), "the definition and its tasks stay"


class TestForAllNamespaces:
    """Tests that share one installation."""

    def test_a_task_runs_to_its_end_under_the_installed_chart(self, installed: Cluster) -> None:
        installed.kubectl("apply", "-f", str(ROOT / "examples" / "hello.yaml"))
        installed.kubectl("wait", "--for=condition=Finished", "mltask/hello", "--timeout=180s")
        installed.kubectl("wait", "--for=delete", "pod", SELECTOR, "--timeout=180s")

        status = json.loads(installed.kubectl("get", "mltask/hello", "-o", "json"))["status"]
        assert (status["phase"], status["exitCode"]) == ("Succeeded", 0)

        events = installed.audit_log.events(about=OPERATOR)
        asked = [event for event in events if event["user"]["username"] == OPERATOR]
        assert asked, "the operator used another account than the chart's"
        assert [event["requestURI"] for event in asked if is_denied(event)] == []

    def test_helm_test_sees_a_task_run(self, installed: Cluster) -> None:
        sees_a_task_run(installed, "mltask-system")

    def test_helm_test_fails_where_nobody_runs_tasks(self, installed: Cluster) -> None:
        installed.kubectl("scale", "deployment", NAME, "--replicas=0", *HOME)
        installed.kubectl("wait", "--for=delete", "pod", "--all", *HOME, "--timeout=180s")
        with pytest.raises(ClusterError, match=f"{NAME}-test not ready"):
            installed.helm("test", NAME, *HOME, "--timeout", "10s")
        assert left_of_test(installed, "mltask-system").splitlines() == [f"pod/{NAME}-test"]
        installed.kubectl("delete", "pod", f"{NAME}-test", *HOME)
        installed.kubectl("scale", "deployment", NAME, "--replicas=2", *HOME)


def test_helm_test_sees_a_task_run_in_a_single_namespace(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "team-a")
    install(cluster, "--set", "networkPolicy.enabled=true,namespaces={team-a}")
    sees_a_task_run(cluster, "team-a")
    uninstall(cluster)


def sees_a_task_run(cluster: Cluster, namespace: str) -> None:
    """Run `helm test`, whose task is in this namespace."""
    told = cluster.helm("test", NAME, *HOME, "--logs")
    assert "The operator runs tasks." in told, "the result of the task, in the Pod's log"
    assert left_of_test(cluster, namespace) == ""
    cluster.kubectl("wait", "--for=delete", "pod", SELECTOR, "-A", "--timeout=180s")


def left_of_test(cluster: Cluster, task_namespace: str) -> str:
    """Return what there is of the objects that `helm test` makes."""
    made = [
        *(("mltask-system", kind) for kind in ("pod", "serviceaccount", "networkpolicy")),
        *((task_namespace, kind) for kind in ("mltask", "role", "rolebinding")),
    ]
    found = ("--ignore-not-found", "--output", "name")
    return "".join(
        cluster.kubectl("get", kind, f"{NAME}-test", "--namespace", namespace, *found)
        for namespace, kind in made
    )


def test_running_tasks_outlive_an_uninstall_and_go_on_at_the_next_install(
    cluster: Cluster,
) -> None:
    install(cluster)
    cluster.kubectl("create", "namespace", "left-behind")
    for namespace in ("default", "left-behind"):
        cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(LONG))
        running = ("--for=jsonpath={.status.phase}=Running", "mltask/long", "--timeout=180s")
        cluster.kubectl("wait", "-n", namespace, *running)

    uninstall(cluster)
    [pod] = pods(cluster)
    assert pod["status"]["phase"] == "Running", "it runs on"
    assert "finalizers" not in pod["metadata"]
    cluster.kubectl("delete", "namespace", "left-behind", "--timeout=180s")

    install(cluster)
    wait_until(lambda: "finalizers" in pods(cluster)[0]["metadata"], "the operator has it again")
    [again] = pods(cluster)
    assert again["metadata"]["uid"] == pod["metadata"]["uid"]
    cluster.kubectl("delete", "mltask/long", "--timeout=180s")
    cluster.kubectl("wait", "--for=delete", "pod", SELECTOR, "--timeout=180s")
    uninstall(cluster)


def install(cluster: Cluster, *flags: str) -> None:
    """Install the chart and wait until the operator runs."""
    cluster.helm(
        *("install", NAME, str(CHART), *HOME, *flags),
        *("--create-namespace", "--wait", "--timeout=180s"),
    )


def uninstall(cluster: Cluster) -> None:
    """Uninstall the chart; nothing of it is left but the definition."""
    cluster.helm("uninstall", NAME, *HOME)
    cluster.kubectl("wait", "--for=delete", "pod", "--all", *HOME, "--timeout=180s")
    kinds = (
        "all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,"
        "poddisruptionbudgets,networkpolicies"
    )
    of_release = ("--all-namespaces", "--selector", "app.kubernetes.io/instance=mltask-operator")
    assert cluster.kubectl("get", kinds, *of_release, "--output", "name") == ""


def pods(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the tasks' Pods in the default namespace."""
    found: list[dict[str, Any]] = json.loads(
        cluster.kubectl("get", "pods", SELECTOR, "-o", "json")
    )["items"]
    return found
