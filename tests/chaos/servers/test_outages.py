"""The API server and etcd end, in good order or by a crash, and come back: nothing is lost."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from localcluster import Cluster
from tests.chaos.extent import IS_WHOLE
from tests.chaos.record import Record, recorded
from tests.chaos.servers.load import load
from tests.chaos.servers.site import Site

pytestmark = pytest.mark.api

SPAN = 10
rounds = pytest.mark.parametrize("turn", range(5 if IS_WHOLE else 1))


@dataclass(frozen=True)
class Outage:
    """A server that is away; `options` are those of the operator meanwhile."""

    fault: str
    how: str
    component: str
    is_crash: bool
    options: tuple[str, ...] = ()

    def befall(self, cluster: Cluster) -> tuple[datetime, datetime]:
        """Have it happen, and be over; return since when it was away, and since when it is back."""
        end = cluster.kill_component if self.is_crash else cluster.stop_component
        end(self.component)
        away = datetime.now(UTC)
        cluster.start_component(self.component)
        return away, datetime.now(UTC)


# One that cannot renew its Lease ends by itself, and is started again.
UNDER_A_LEASE = ("--lease=mltask-system/mltask-operator", "--lease-seconds=5")
OUTAGES = (
    Outage(
        "API server stopped",
        "SIGTERM and a start, under load; the operator loses its Lease",
        "kube-apiserver",
        is_crash=False,
        options=UNDER_A_LEASE,
    ),
    Outage(
        "API server crashed", "SIGKILL and a start, under load", "kube-apiserver", is_crash=True
    ),
    Outage("etcd stopped", "SIGTERM and a start, under load", "etcd", is_crash=False),
    Outage("etcd crashed", "SIGKILL and a start, under load", "etcd", is_crash=True),
)


@rounds
@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.fault)
def test_all_ends_as_if_the_server_had_stayed(
    site: Site, outage: Outage, record: Record, turn: int
) -> None:
    with (
        recorded(record, outage.fault, outage.how) as took,
        site.kept_operator(*outage.options) as keeper,
    ):
        site.create(stories := load(SPAN))
        site.wait_until_finished(len(stories) // 5)
        away, back = outage.befall(site.cluster)
        took(max(0, (site.moved_on(since=away) - back).total_seconds()))
        site.remind_kubelets()
        site.check()
        assert keeper.failure is None, keeper.failure
