"""A running operator, whose ports any Pod of the cluster can reach, beside idle connections."""

from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.api.operator_process import PROGRAM, OperatorProcess, free_port
from tests.api.scrape import Scrape
from tests.api.team import Team
from tests.crowd import idle, many_files

FEW_FILES = ("sh", "-c", 'ulimit -n 1024 && exec "$0" "$@"', str(PROGRAM))


def test_5000_idle_connections_to_each_port_hold_up_no_task(
    team: Team, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    metrics = free_port()
    operator = OperatorProcess.start(
        operator_kubeconfig,
        tmp_path / "log",
        team.namespace,
        options=("--metrics-port", str(metrics)),
        program=FEW_FILES,
    )
    with ExitStack() as stack:
        stack.callback(operator.stop)
        stack.enter_context(many_files())
        ports = listening(operator.pid)
        assert metrics in ports
        assert len(ports) == 2
        for port in ports:
            stack.enter_context(idle(port))
        team.run("t", fate={"run_seconds": 0.1})
        team.finish("t")
        assert operator.is_healthy()
        assert Scrape(metrics)("mltask_operator_leader") == 1
        assert psutil.Process(operator.pid).num_fds() < 300
        assert "WARNING" not in operator.log


def listening(pid: int) -> set[int]:
    """Return the TCP ports that the process serves."""
    connections = psutil.Process(pid).net_connections("tcp")
    return {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
