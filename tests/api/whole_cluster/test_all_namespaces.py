"""An operator without `--namespace` serves every namespace."""

from pathlib import Path

from localcluster import Cluster
from tests.api.operator_process import OperatorProcess
from tests.api.team import Team


def test_a_task_of_each_namespace_runs(
    team: Team, operator_kubeconfig: Path, tmp_path: Path, cluster: Cluster
) -> None:
    operator = OperatorProcess.start(operator_kubeconfig, tmp_path / "log")
    other = Team.create(cluster)
    try:
        for each in (team, other):
            each.run("t", fate={"run_seconds": 0.1})
        for each in (team, other):
            assert each.finish("t")["phase"] == "Succeeded"
    finally:
        operator.stop()
        other.delete()
