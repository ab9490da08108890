"""What a person sees who runs the operator: where it cannot run, one clear line."""

import os
import subprocess
from pathlib import Path

import pytest

from localcluster import Cluster
from tests.api.operator_process import PROGRAM, OperatorProcess, free_port
from tests.api.team import Team


def run_in_vain(kubeconfig: Path, *options: str) -> str:
    """Run the operator, which must end by itself with status 1; return its only line."""
    ended = subprocess.run(
        [PROGRAM, "run", "--health-port", str(free_port()), *options],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    return line


def test_no_kubeconfig(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert f"no usable credentials in {missing}" in run_in_vain(missing)


def test_broken_kubeconfig(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("clusters: [")
    assert f"no usable credentials in {broken}" in run_in_vain(broken)


def test_unreachable_api_server(tmp_path: Path, operator_kubeconfig: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    server = f"https://127.0.0.1:{free_port()}"
    lines = operator_kubeconfig.read_text().splitlines()
    elsewhere.write_text(
        "\n".join(f"    server: {server}" if "server:" in line else line for line in lines)
    )
    assert f"the API server {server} gave no answer" in run_in_vain(elsewhere)


def test_missing_crd() -> None:
    with Cluster.start(real_node=False, simulated_nodes=1) as bare:
        line = run_in_vain(bare.kubeconfig)
    assert "CustomResourceDefinition mltasks.mltask.dev is not installed" in line
    assert "kubectl apply -f crds/mltasks.yaml" in line


def test_missing_permissions(cluster: Cluster, team: Team) -> None:
    nobody = cluster.kubeconfig_for_service_account(team.namespace, "default")
    line = run_in_vain(nobody)
    assert "not permitted cluster-wide" in line
    assert "patch mltasks/status" in line
    assert "get, list, watch, create, patch, delete pods" in line
    in_namespace = run_in_vain(nobody, "--namespace", team.namespace)
    assert f"not permitted in namespace {team.namespace}" in in_namespace


def test_stops_in_order(team: Team, operator: OperatorProcess) -> None:
    team.run("t", fate={"run_seconds": 0.1})
    team.finish("t")
    assert operator.stop() == 0


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_says_what_it_is(option: str) -> None:
    shown = subprocess.run([PROGRAM, option], capture_output=True, text=True, check=True).stdout
    assert "mltask-operator" in shown
