"""What a cluster offers to whoever started it."""

import json

import psutil
import pytest

from localcluster import Cluster, ClusterError
from tests.waiting import wait_until


def test_the_administrator_may_do_everything(cluster: Cluster) -> None:
    assert cluster.kubectl("auth", "can-i", "*", "*").strip() == "yes"
    assert cluster.url in cluster.kubeconfig.read_text()


def test_a_failed_command_is_told_with_its_reason(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"`kubectl get pod nobody`.*\n.*not found"):
        cluster.kubectl("get", "pod", "nobody")


def test_a_service_account_has_no_more_than_its_own_rights(cluster: Cluster) -> None:
    kubeconfig = cluster.kubeconfig_for_service_account("default", "default")
    as_account = f"--kubeconfig={kubeconfig}"
    name = cluster.kubectl(as_account, "auth", "whoami", "--output=jsonpath={.status.userInfo}")
    assert json.loads(name)["username"] == "system:serviceaccount:default:default"
    with pytest.raises(ClusterError, match="cannot list resource"):
        cluster.kubectl(as_account, "get", "pods")


def test_the_audit_log_tells_who_did_what(cluster: Cluster) -> None:
    def creations() -> list[str]:
        return [
            event["user"]["username"]
            for event in cluster.audit_log.events()
            if event["verb"] == "create" and event["objectRef"].get("name") == "audited"
        ]

    cluster.kubectl("create", "configmap", "audited")
    wait_until(lambda: creations() == ["kubernetes-admin"], "the creation is in the audit log")
    cluster.kubectl("delete", "configmap", "audited")


def test_the_audit_log_is_read_from_where_it_was(cluster: Cluster) -> None:
    def created(since: int = 0) -> set[str]:
        events = cluster.audit_log.events(since)
        return {
            event["objectRef"].get("name") for event in events if event["verb"] == "create"
        } & names

    names = {"first", "second"}
    cluster.kubectl("create", "configmap", "first")
    wait_until(lambda: created() == {"first"}, "the creation is in the audit log")
    since = cluster.audit_log.size()
    cluster.kubectl("create", "configmap", "second")
    wait_until(lambda: created() == names, "the next one is, too")
    assert created(since) == {"second"}
    assert created(since - 10) == {"second"}, "what is left of a line is left out"
    cluster.kubectl("delete", "configmap", *names)


def test_a_manifest_comes_from_standard_input(cluster: Cluster) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "given"}}
    assert "given" in cluster.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    cluster.kubectl("delete", "configmap", "given")


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_what_was_written_survives_a_crash(cluster: Cluster, component: str) -> None:
    cluster.kubectl("create", "configmap", "kept")
    cluster.kill_component(component)
    cluster.start_component(component)
    wait_until(lambda: _has_configmap(cluster, "kept"), "the API server reads it again")
    cluster.kubectl("delete", "configmap", "kept")


def _has_configmap(cluster: Cluster, name: str) -> bool:
    try:
        return name in cluster.kubectl("get", "configmaps", "--request-timeout=2s")
    except ClusterError:
        return False


def test_a_running_component_is_not_started_twice(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="etcd is running; stop or kill it first"):
        cluster.start_component("etcd")


def test_a_stopped_api_server_answers_no_more(cluster: Cluster) -> None:
    cluster.stop_component("kube-apiserver")
    with pytest.raises(ClusterError, match="refused"):
        cluster.kubectl("get", "--raw=/readyz")
    cluster.start_component("kube-apiserver")
    assert cluster.kubectl("get", "--raw=/readyz") == "ok"


@pytest.mark.api
def test_options_of_a_start_are_for_that_run(simulated_cluster: Cluster) -> None:
    def options() -> list[str]:
        return psutil.Process(simulated_cluster.pid("kube-scheduler")).cmdline()

    usual = options()
    for more in (["--v=1"], []):
        simulated_cluster.stop_component("kube-scheduler")
        simulated_cluster.start_component("kube-scheduler", *more)
        assert options() == [*usual, *more]


def test_an_unknown_component_is_refused_with_the_known_ones(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"no component 'docker'; it has .*etcd"):
        cluster.stop_component("docker")


def test_two_clusters_run_side_by_side(cluster: Cluster, kind: str) -> None:
    cluster.kubectl("create", "configmap", "of-the-first")
    with Cluster.start(real_node=kind == "real", allocatable_cpus=1) as second:
        assert "of-the-first" not in second.kubectl("get", "configmaps")
        cpus = second.kubectl("get", "nodes", "--output=jsonpath={..allocatable.cpu}")
        assert set(cpus.split()) == {"1"}, "the second has small nodes, as it was asked for"
    assert "of-the-first" in cluster.kubectl("get", "configmaps"), "the first runs on"
    cluster.kubectl("delete", "configmap", "of-the-first")
