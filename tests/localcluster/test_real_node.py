"""What only a real node can show."""

import pytest

from localcluster import Cluster, ClusterError, busybox
from tests.waiting import wait_until

pytestmark = pytest.mark.node


def run(cluster: Cluster, name: str, script: str) -> str:
    """Run a script in a Pod to its end, and return what it printed."""
    image = f"--image={busybox.BUSYBOX[0]}"
    cluster.kubectl("run", name, image, "--restart=Never", "--", "sh", "-c", script)
    succeeded = "--for=jsonpath={.status.phase}=Succeeded"
    cluster.kubectl("wait", succeeded, f"pod/{name}", "--timeout=60s")
    return cluster.kubectl("logs", name)


def test_a_pod_reaches_the_api_server_and_has_a_token(real_cluster: Cluster) -> None:
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    script = f"ls {folder}; nc -w 5 $KUBERNETES_SERVICE_HOST 443 < /dev/null && echo reached"
    printed = run(real_cluster, "reaches", script)
    assert printed.split() == ["ca.crt", "namespace", "token", "reached"]


def test_a_name_that_nobody_knows_is_refused_at_once(real_cluster: Cluster) -> None:
    assert "refused" in run(real_cluster, "looks-up", "nslookup example.com 2>&1; true")


def test_a_crashed_kubelet_takes_its_pods_up_again(real_cluster: Cluster) -> None:
    script = "until test -e /go; do sleep 0.1; done"
    image = f"--image={busybox.BUSYBOX[0]}"
    real_cluster.kubectl("run", "goes-on", image, "--restart=Never", "--", "sh", "-c", script)
    phase = "--for=jsonpath={.status.phase}"
    real_cluster.kubectl("wait", f"{phase}=Running", "pod/goes-on", "--timeout=60s")
    real_cluster.kill_component("kubelet")
    real_cluster.start_component("kubelet")
    wait_until(lambda: _executes(real_cluster, "goes-on", "touch", "/go"), "the Pod is known again")
    real_cluster.kubectl("wait", f"{phase}=Succeeded", "pod/goes-on", "--timeout=60s")


def _executes(cluster: Cluster, pod: str, *command: str) -> bool:
    try:
        cluster.kubectl("exec", pod, "--", *command)
    except ClusterError:
        return False
    return True
