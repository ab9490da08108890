"""The operator is down for a while, and things happen to tasks, Pods and nodes: all is made up."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from localcluster import Cluster
from tests.api.pool import Pool
from tests.api.team import manifest
from tests.chaos.extent import IS_WHOLE
from tests.chaos.record import Record, recorded
from tests.chaos.scenarios import AT_ONCE, SUCCEEDED, Outcome, gone
from tests.chaos.servers.load import Story, load
from tests.chaos.servers.site import Site
from tests.waiting import wait_until

pytestmark = pytest.mark.api

DOWN_SECONDS = 150 if IS_WHOLE else 30
COUNT = 3
"""Of each kind of task to which something happens."""
DISRUPTED = Outcome("Succeeded", "Completed", 2, disruptions=1)
REASONS = {"fails-once": "ContainerFailed", "pod-deleted": "PodDeleted", "node-gone": "NodeLost"}
"""Why the first attempt ended."""


@pytest.fixture
def pool(cluster: Cluster) -> Iterator[Pool]:
    """A node that is to vanish, to which others are added."""
    with Pool(cluster) as made:
        made.add()
        yield made


def populate(site: Site, pool: Pool) -> dict[str, list[str]]:
    """Have tasks that come to something; return the names of each kind's Pods once they run."""
    there = {"template": {"spec": pool.placement}}
    kinds = {
        "ends": Story({}, SUCCEEDED),
        "fails": Story({}, Outcome("Failed", "ContainerFailed", 1, failures=1)),
        "fails-once": Story(
            {"backoffLimit": 1, "backoff": AT_ONCE},
            Outcome("Succeeded", "Completed", 2, failures=1),
        ),
        "deleted": Story({}, gone(1)),
        "ends-deleted": Story({}, gone(1)),
        "suspended": Story({}, Outcome("Succeeded", "Completed", 2)),
        "ends-suspended": Story({}, SUCCEEDED),
        "pod-deleted": Story({}, DISRUPTED),
        "ends-pod-deleted": Story({}, SUCCEEDED),
        "node-gone": Story(there, DISRUPTED),
        "ends-node-gone": Story(there, SUCCEEDED),
    }
    for kind, (spec, end) in kinds.items():
        site.create(Story(manifest(f"{kind}-{n}", **spec), end) for n in range(COUNT))
    with site.stage() as stage:
        return {kind: [stage.runs(f"{kind}-{n}", 1) for n in range(COUNT)] for kind in kinds}


def befall(site: Site, pool: Pool, pods: dict[str, list[str]]) -> None:
    """Do to each kind what its name says: first the Pods end, then the rest."""
    with site.stage() as stage:
        ended = [pods[kind] for kind in pods if kind.startswith(("ends", "fails"))]
        for kind, names in pods.items():
            for pod in names if pods[kind] in ended else ():
                stage.end(pod, exit_code=3 if kind.startswith("fails") else 0)
        site.wait_until_ended(*ended)
        # Times in the API have whole seconds: within one, a deletion counts as what ended the Pod.
        now = time.time()
        wait_until(lambda: int(time.time()) > int(now), "the next second has come")
        for kind, names in pods.items():
            for n, pod in enumerate(names):
                if kind.endswith("pod-deleted"):
                    site.team.kubectl("delete", "pod", pod, "--wait=false")
                elif kind.endswith("deleted"):
                    stage.delete(f"{kind}-{n}")
                elif kind.endswith("suspended"):
                    stage.suspend(f"{kind}-{n}")
    pool.remove(pool.nodes[0])
    pool.add()


def test_what_happened_meanwhile_is_made_up_for(site: Site, pool: Pool, record: Record) -> None:
    how = f"the operator is away for {DOWN_SECONDS} s, in which Pods end and a node vanishes"
    with recorded(record, "operator down", how) as took:
        with site.kept_operator():
            pods = populate(site, pool)
            site.create(stories := load(span=10))
            site.wait_until_finished(len(stories) // 5)
        over = time.monotonic() + DOWN_SECONDS
        befall(site, pool, pods)
        wait_until(lambda: time.monotonic() > over, "the time is over", 2 * DOWN_SECONDS)
        back = datetime.now(UTC)
        with site.kept_operator() as keeper, site.stage() as stage:
            took((site.moved_on(since=back) - back).total_seconds())
            wait_until(lambda: site.phases()["Suspended"] == COUNT, "they are suspended")
            for n in range(COUNT):
                stage.suspend(f"suspended-{n}", value=False)
            for kind in ("fails-once", "suspended", "pod-deleted", "node-gone"):
                for n in range(COUNT):
                    stage.end(stage.runs(f"{kind}-{n}", 2))
            site.check()
            assert keeper.starts == 1
            why = {kind: stage.status(f"{kind}-0")["history"][0]["reason"] for kind in REASONS}
            assert why == REASONS
