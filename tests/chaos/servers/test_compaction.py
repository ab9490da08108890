"""Watches that cannot go on, since what went meanwhile is forgotten: 410 Gone."""

import time
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.api.operator_process import OperatorProcess
from tests.api.team import Json, manifest
from tests.chaos.record import Record, recorded
from tests.chaos.scenarios import FAILS, SUCCEEDED, Outcome, gone
from tests.chaos.servers.etcd import Etcd
from tests.chaos.servers.load import Story, load
from tests.chaos.servers.site import Site
from tests.waiting import wait_until

pytestmark = pytest.mark.api

SPAN = 12
COUNT = 5
"""Of each kind of task to which something happens in the gap."""
LATER = 45
"""Seconds until a further attempt of those that back off: the gap is over by then."""


def populate(site: Site) -> dict[str, list[str]]:
    """Have tasks that come to something in the gap; return the names of each kind's Pods."""
    again = Outcome("Succeeded", "Completed", 2, disruptions=1)
    backs_off: Json = {"backoffLimit": 1, "backoff": {"baseSeconds": LATER, "maxSeconds": LATER}}
    for n in range(COUNT):
        site.create(
            [
                Story(manifest(f"backs-off-{n}", fate=FAILS, **backs_off), gone(1)),
                Story(manifest(f"ended-{n}"), SUCCEEDED),
                Story(manifest(f"deleted-{n}"), gone(1)),
                Story(manifest(f"pod-deleted-{n}"), again),
            ]
        )
    with site.stage() as stage:
        pods = {
            kind: [stage.runs(f"{kind}-{n}", 1) for n in range(COUNT)]
            for kind in ("ended", "deleted", "pod-deleted")
        }
    wait_until(lambda: len(site.pods()) == 3 * COUNT, "those that back off have no Pod")
    return pods


def restart_api_server(site: Site) -> None:
    """Cut all watches off; what was before it is in no cache of the new one."""
    site.cluster.stop_component("kube-apiserver")
    site.cluster.start_component("kube-apiserver")


def test_what_went_while_no_watch_told_of_it_is_known(site: Site, record: Record) -> None:
    how = "etcd compacted and the API server restarted while the operator is paused, under load"
    with (
        recorded(record, "watches answered with 410 Gone", how) as took,
        # Kopf tells of it at this level alone.
        site.kept_operator("--log-level=debug") as keeper,
    ):
        pods = populate(site)
        later = time.monotonic() + LATER
        site.create(stories := load(SPAN))
        site.wait_until_finished(len(stories) // 5)

        [operator] = site.operators
        operator.pause()
        # What is on its way to it comes to nothing: the gap begins before anything happens.
        restart_api_server(site)
        site.team.kubectl("delete", "pod", "--wait=false", *pods["pod-deleted"])
        names = [f"{kind}-{n}" for kind in ("deleted", "backs-off") for n in range(COUNT)]
        site.team.kubectl("delete", "mltask", "--wait=false", *names)
        site.remind_kubelets()
        with site.stage() as stage:
            for pod in pods["ended"]:
                stage.end(pod)
        site.wait_until_ended(*pods.values())
        Etcd(site.cluster).compact(site.history.revision)
        restart_api_server(site)
        resumed = datetime.now(UTC)
        operator.resume()

        took((site.moved_on(since=resumed) - resumed).total_seconds())
        for resource in ("pods.v1", "mltasks.v1alpha1.mltask.dev"):
            wait_until(partial(_has_restarted, operator, resource), f"410 of {resource}")
        site.remind_kubelets()
        with site.stage() as stage:
            for n in range(COUNT):
                stage.end(stage.runs(f"pod-deleted-{n}", 2))
        wait_until(lambda: time.monotonic() > later, "a further attempt would be due", LATER)
        site.check()
        assert keeper.starts == 1


def _has_restarted(operator: OperatorProcess, resource: str) -> bool:
    """Whether a watch was answered with 410: Kopf says this of no other answer."""
    return f"Restarting the watch-stream for {resource}" in operator.log
