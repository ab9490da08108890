"""A namespace is deleted in the midst of it all: it goes, with every Pod of it."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from tests.api.team import Team, manifest
from tests.chaos.record import Record, recorded
from tests.chaos.scenarios import ENDS, gone
from tests.chaos.servers.load import Story, load
from tests.chaos.servers.site import Site
from tests.waiting import wait_until

pytestmark = pytest.mark.api

COUNT = 10
GONE = "--timeout=90s"


@pytest.fixture
def others(cluster: Cluster) -> Iterator[Team]:
    """Another namespace."""
    created = Team.create(cluster)
    yield created
    created.delete()


def populate(site: Site) -> None:
    """Have tasks that run on or wait for a node, and some that end, fail and are tried again."""
    nowhere = {"spec": {"nodeSelector": {"none": "such"}}}
    for number in range(COUNT):
        running, waiting = manifest(f"on-{number}"), manifest(f"nowhere-{number}", template=nowhere)
        site.create(Story(task, gone(1)) for task in (running, waiting))
    with site.stage() as stage:
        for task, _ in load(span=5):
            stage.create(task)
    wait_until(lambda: site.phases()["Running"] >= COUNT, "many of them run")


def runs_another(team: Team) -> None:
    """Have a task of another namespace come to its end."""
    team.run("afterwards", fate=ENDS)
    assert team.finish("afterwards")["phase"] == "Succeeded"


def test_it_goes_with_its_running_tasks(site: Site, others: Team, record: Record) -> None:
    with (
        recorded(record, "namespace deleted", "kubectl delete namespace, under load"),
        site.kept_operator() as keeper,
    ):
        populate(site)
        site.cluster.kubectl("delete", "namespace", site.team.namespace, GONE)
        site.check_ends()
        runs_another(others)
        assert keeper.starts == 1


def test_it_goes_once_the_operator_is_back(site: Site, others: Team, record: Record) -> None:
    how = "kubectl delete namespace, under load, while the operator is down"
    with recorded(record, "namespace deleted, operator down", how):
        with site.kept_operator():
            populate(site)
        namespace = site.team.namespace
        site.cluster.kubectl("delete", "namespace", namespace, "--wait=false")
        wait_until(lambda: _are_ended_and_held(site), "its Pods have ended, and are held")
        with site.kept_operator() as keeper:
            gone = ("--for=delete", f"namespace/{namespace}", GONE)
            site.cluster.kubectl("wait", *gone)
            site.check_ends()
            runs_another(others)
            assert keeper.starts == 1


def _are_ended_and_held(site: Site) -> bool:
    return all(
        "deletionTimestamp" in pod["metadata"] and pod["status"]["phase"] in ("Succeeded", "Failed")
        for pod in site.pods()
    )
