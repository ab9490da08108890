"""The demand of a task is what the API server counts: held against its admission, by dry runs.

$QUOTA_SEED is the lot, which is printed where the test fails.
"""

import os
import re
import time
import uuid
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import pytest

from localcluster import Cluster
from mltask_operator.kube import parse, quotas
from mltask_operator.lifecycle.manifest import pod_manifest
from mltask_operator.lifecycle.quota_demand import Demand, counted_as, demand_of_pod
from mltask_operator.lifecycle.quota_scopes import covers
from tests.api.client import Json
from tests.api.quota_lot import OVERHEAD, Lot
from tests.api.team import Team
from tests.waiting import wait_until

SEED = int(os.environ.get("QUOTA_SEED", "1"))
TASKS = 30
QUOTAS = 8
STALE_SECONDS = 10
"""How long the API server's admission may judge by the quotas that it knew before."""
SCHEDULING, NODE = "/apis/scheduling.k8s.io/v1", "/apis/node.k8s.io/v1"
PLAIN = {"image": "trainer:1", "resources": {"requests": {"cpu": "1m"}}}
DEFAULTS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "defaults"},
    "spec": {
        "limits": [
            {
                "type": "Container",
                "default": {"memory": "2Mi", "ephemeral-storage": "2Mi"},
                "defaultRequest": {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"},
            }
        ]
    },
}


class Verdict(NamedTuple):
    """What the API server says to a Pod: the exceeded resources, or those that it must state."""

    exceeded: frozenset[str] = frozenset()
    unstated: frozenset[str] = frozenset()


@pytest.fixture
def lot(cluster: Cluster) -> Iterator[Lot]:
    """The lot, with classes of its own in the cluster."""
    suffix = uuid.uuid4().hex[:8]
    team = Team(cluster, "default")
    bodies: dict[str, Json] = {
        f"{SCHEDULING}/priorityclasses/high-{suffix}": {"value": 10},
        f"{SCHEDULING}/priorityclasses/low-{suffix}": {"value": -10},
        f"{NODE}/runtimeclasses/sandbox-{suffix}": {
            "handler": "sandbox",
            "overhead": {"podFixed": OVERHEAD},
        },
    }
    for path, body in bodies.items():
        collection, _, name = path.rpartition("/")
        team.client.send("POST", collection, {"metadata": {"name": name}, **body})
    yield Lot(SEED, (f"high-{suffix}", f"low-{suffix}"), f"sandbox-{suffix}")
    for path in bodies:
        team.client.send("DELETE", path)


def manifest_of(spec: Json) -> tuple[Json, Demand]:
    """Return the Pod that the operator creates for this spec, and the demand of the task."""
    metadata = {
        "namespace": "team",
        "name": "train",
        "uid": str(uuid.uuid4()),
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    task = parse.task_from({"metadata": metadata, "spec": spec})
    pod = pod_manifest(task, spec, 1)
    del pod["metadata"]["namespace"]
    return pod, task.demand


def try_out(team: Team, pod: Json) -> tuple[int, Json]:
    """Have the API server say what it would answer to the creation of the Pod."""
    return team.client.request("POST", f"{team.path('pods')}?dryRun=All", pod)


def verdict(team: Team, pod: Json) -> Verdict:
    """Return what the namespace's quota says to the Pod."""
    code, answer = try_out(team, pod)
    if code == 201:
        return Verdict()
    words = answer["message"]
    if found := re.search(r"exceeded quota: q, requested: (\S+), used: ", words):
        return Verdict(exceeded=frozenset(re.findall(r"([^=,]+)=", found[1])))
    found = re.search(r"failed quota: q: must specify (.*)", words)
    assert found, words
    return Verdict(unstated=frozenset(re.findall(r"(?:^|; )(\S+) for:", found[1])))


def counted(demand: Demand, quota: Json) -> frozenset[str]:
    """Return the resources of the quota that the demand counts for."""
    if not covers(quotas.scopes_of({"spec": quota}), demand, None):
        return frozenset()
    return frozenset(name for name in quota["hard"] if counted_as(name) in demand.resources)


def is_right(said: Verdict, found: frozenset[str]) -> bool:
    """Whether a demand that counts for these resources fits what the API server said."""
    # A container that states no CPU or memory counts for it: a quota refuses it, or a LimitRange
    # states it.
    return said.unstated <= found if said.unstated else said.exceeded == found


def agree(team: Team, pod: Json, quota: Json, demands: list[Demand]) -> bool:
    """Whether the API server judges the Pod as each of these demands says."""
    deadline = time.monotonic() + STALE_SECONDS
    while True:
        said = verdict(team, pod)
        if all(is_right(said, counted(demand, quota)) for demand in demands):
            return True
        if time.monotonic() > deadline:
            return False


def has_defaults_for(team: Team, pod: Json) -> bool:
    """Whether the API server adds to the Pod what the LimitRange says."""
    _, admitted = try_out(team, pod)
    return "ephemeral-storage" in demand_of_pod(admitted["spec"]).resources


def has_counted(team: Team) -> bool:
    """Whether the quota controller has counted for the team's quota."""
    return "used" in team.get("resourcequota", "q").get("status", {})


def with_quota(cluster: Cluster, spec: Json, *, has_defaults: bool) -> Team:
    """Return a namespace with this quota and, if so, a LimitRange."""
    team = Team.create(cluster)
    metadata = {"name": "q"}
    team.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec})
    if has_defaults:
        team.apply(DEFAULTS)
    return team


def test_the_api_server_counts_what_the_demand_says(cluster: Cluster, lot: Lot) -> None:
    specs = [lot.quota() for _ in range(QUOTAS)]
    teams = [
        (with_quota(cluster, spec, has_defaults=bool(n % 2)), spec, bool(n % 2))
        for n, spec in enumerate(specs)
    ]
    open_teams = {has: Team.create(cluster) for has in (True, False)}
    open_teams[True].apply(DEFAULTS)
    pod, _ = manifest_of(PLAIN)
    wait_until(partial(has_defaults_for, open_teams[True], pod), "the LimitRange is known")
    for team, _, _ in teams:
        wait_until(partial(has_counted, team), "the quota is counted")
    judged = refused = 0
    for _ in range(TASKS):
        task = lot.task()
        pod, demand = manifest_of(task)
        for has_defaults in (True, False):
            code, admitted = try_out(open_teams[has_defaults], pod)
            if code == 422:
                continue
            assert code == 201, (SEED, admitted["message"], task)
            of_pod = demand_of_pod(admitted["spec"])
            # A LimitRange adds what the task does not say.
            demands = [of_pod] if has_defaults else [of_pod, demand]
            for team, quota, has in teams:
                if has == has_defaults:
                    assert agree(team, pod, quota, demands), (SEED, quota, task)
                    judged += 1
                    refused += bool(counted(of_pod, quota))
    assert judged > TASKS * QUOTAS / 2, "most Pods are valid"
    assert judged > refused > judged / 10, "some are refused, and some are not"
