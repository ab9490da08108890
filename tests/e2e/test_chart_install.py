"""The way a user takes, on a real node: image, helm install, kubectl apply, helm uninstall."""

import json

import pytest

from localcluster import Cluster
from tests.chart.chart import CHART, HOME, NAME, OPERATOR, ROOT, is_denied

pytestmark = pytest.mark.node


def test_a_task_runs_to_its_end_under_the_installed_chart(cluster: Cluster) -> None:
    cluster.helm(
        "install", NAME, str(CHART), *HOME, "--create-namespace", "--wait", "--timeout=90s"
    )

    cluster.kubectl("apply", "-f", str(ROOT / "examples" / "hello.yaml"))
    cluster.kubectl("wait", "--for=condition=Finished", "mltask/hello", "--timeout=90s")
    cluster.kubectl("wait", "--for=delete", "pod", "--selector=mltask.dev/task", "--timeout=60s")

    status = json.loads(cluster.kubectl("get", "mltask/hello", "-o", "json"))["status"]
    assert (status["phase"], status["exitCode"]) == ("Succeeded", 0)
    assert "hello" in cluster.kubectl("get", "mltasks")

    asked = [event for event in cluster.audit_events() if event["user"]["username"] == OPERATOR]
    assert asked, "the operator used another account than the chart's"
    assert [event["requestURI"] for event in asked if is_denied(event)] == []

    cluster.helm("uninstall", NAME, *HOME)
    cluster.kubectl("wait", "--for=delete", "pod", "--all", *HOME, "--timeout=60s")
    left = cluster.kubectl(
        *("get", "all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings"),
        *("--all-namespaces", "--selector", "app.kubernetes.io/instance=mltask-operator"),
        *("--output", "name"),
    )
    assert left == ""
    assert "hello" in cluster.kubectl("get", "mltasks"), "the definition and its tasks stay"
