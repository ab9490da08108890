"""An operator of two replicas whose metrics are scraped, and tasks that give it much to count."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import Cluster
from tests.api.audit import SYSTEM
from tests.api.operator_process import OperatorProcess, free_port
from tests.api.scrape import Scrape
from tests.api.team import Team
from tests.api.test_quota import quota
from tests.waiting import wait_until

LEASE = ("--lease", f"{SYSTEM}/mltask-operator")


@dataclass(frozen=True)
class Site:
    """A team, and the ports of the replicas that see to its tasks: the leader's is the first."""

    team: Team
    ports: tuple[int, int]


@contextmanager
def monitored(cluster: Cluster, kubeconfig: Path, logs: Path) -> Iterator[Site]:
    """Have two replicas that see to the tasks of a new team, which has none yet."""
    site = Site(Team.create(cluster), (free_port(), free_port()))
    with ExitStack() as stack:
        stack.callback(site.team.delete)
        for port in site.ports:
            options = ("--metrics-port", str(port), *LEASE)
            operator = OperatorProcess.start(
                kubeconfig, logs / str(port), site.team.namespace, options=options
            )
            stack.callback(operator.stop)
            wait_until(lambda: leads(site.ports[0]), "the first replica leads")
        yield site


def leads(port: int) -> bool:
    """Whether the replica with this port says that it leads."""
    return Scrape(port)("mltask_operator_leader") == 1


def see_every_kind(team: Team) -> None:
    """Have one task succeed, one fail, one be disrupted and run again, and one wait for quota."""
    team.run("good", fate={"run_seconds": 2})
    team.run("bad", fate={"run_seconds": 1, "exit_code": 3})
    team.run("evicted")
    team.finish("good")
    team.finish("bad")
    team.wait_for_phase("evicted", "Running")
    team.evict(team.status("evicted")["podName"])
    team.wait("evicted", "jsonpath={.status.attempts}=2")
    team.wait_for_phase("evicted", "Running")
    quota(team, pods="1")
    team.run("queued")
    team.wait_for_reason("queued", "QuotaExceeded")
