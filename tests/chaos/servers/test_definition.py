"""The CRD is deleted, and all tasks with it: their Pods go, and a new CRD has new tasks."""

from collections.abc import Iterator

import pytest

from localcluster import Cluster
from localcluster.errors import ClusterError
from localcluster.operator_process import DEFINITION
from tests.api.team import manifest
from tests.chaos.record import Record, recorded
from tests.chaos.scenarios import ENDS, SUCCEEDED, gone
from tests.chaos.servers.load import Story
from tests.chaos.servers.site import Site
from tests.chart.chart import wait_until_established
from tests.waiting import wait_until

pytestmark = pytest.mark.api

COUNT = 10
"""Of each kind of task."""


@pytest.fixture(autouse=True)
def _definition(cluster: Cluster) -> Iterator[None]:
    """Leave a CRD behind."""
    yield
    define(cluster)


def define(cluster: Cluster) -> None:
    """Create the CRD, where it is not there."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(DEFINITION))
    wait_until_established(cluster)


def undefine(cluster: Cluster) -> None:
    """Delete the CRD, and wait until it is gone."""
    cluster.kubectl("delete", "crd", "mltasks.mltask.dev", "--timeout=60s")


def populate(site: Site) -> None:
    """Have tasks that run, that wait for a node, and that are finished: all of them to go."""
    nowhere = {"spec": {"nodeSelector": {"none": "such"}}}
    for number in range(COUNT):
        running = manifest(f"runs-{number}")
        waiting = manifest(f"waits-{number}", template=nowhere)
        ended = manifest(f"ended-{number}", fate=ENDS)
        site.create(Story(task, gone(1)) for task in (running, waiting, ended))
    expected = {"Running": COUNT, "Pending": COUNT, "Succeeded": COUNT}
    wait_until(lambda: site.phases() == expected, f"{expected}")
    wait_until(lambda: len(site.pods()) == 2 * COUNT, "all but the finished have a Pod")


def test_all_pods_go_and_new_tasks_run(site: Site, record: Record) -> None:
    how = "kubectl delete crd; created anew once all Pods have gone"
    with recorded(record, "CRD deleted", how) as took, site.kept_operator() as keeper:
        populate(site)
        undefine(site.cluster)
        wait_until(lambda: not site.pods(), "all Pods have gone")
        define(site.cluster)
        took(site.runs("anew"))
        site.check()
        assert keeper.failure is None, keeper.failure


def test_an_operator_without_a_definition_lets_go_of_pods_that_are_deleted(
    site: Site, record: Record
) -> None:
    how = "kubectl delete crd while the operator is down, which starts before the CRD is back"
    with recorded(record, "CRD deleted, operator down", how) as took:
        with site.kept_operator():
            populate(site)
        undefine(site.cluster)
        # The garbage collector does so too, unless its watch of the tasks was broken just then.
        site.cluster.kubectl("delete", "pods", "--all", f"-n={site.team.namespace}", "--wait=false")
        wait_until(lambda: _are_deleted(site), "all Pods are being deleted")
        with pytest.raises(ClusterError, match="is not installed: install the Helm chart"):
            site.start_operator()
        wait_until(lambda: not site.pods(), "all Pods have gone")
        define(site.cluster)
        with site.kept_operator():
            took(site.runs("anew"))
            site.check()


def test_tasks_of_a_new_definition_have_nothing_of_old_ones_of_their_name(
    site: Site, record: Record
) -> None:
    how = "kubectl delete crd, created anew with tasks of the same names, all while it is down"
    with recorded(record, "CRD replaced, operator down", how) as took:
        with site.kept_operator():
            populate(site)
        undefine(site.cluster)
        define(site.cluster)
        names = [f"runs-{number}" for number in range(COUNT)]
        site.create(Story(manifest(name, fate=ENDS), SUCCEEDED) for name in names)
        with site.kept_operator():
            took(site.runs("anew"))
            site.check()


def _are_deleted(site: Site) -> bool:
    pods = site.pods()
    assert len(pods) == 2 * COUNT, "the finalizer holds them"
    return all("deletionTimestamp" in pod["metadata"] for pod in pods)
