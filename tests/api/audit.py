"""What the API server's audit log says of a team's namespace."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from localcluster import Cluster
from tests.api.rights import Chart, asked
from tests.api.team import Json, Team
from tests.chart.chart import is_denied

SYSTEM = "mltask-system"
OPERATOR = f"system:serviceaccount:{SYSTEM}:mltask-operator"
SCHEDULER = "system:kube-scheduler"


def requests(team: Team, user: str) -> Iterator[tuple[str, str, int]]:
    """Yield a user's writes in the team's namespace: `verb resource`, the object, the answer."""
    for event in team.cluster.audit_log.events(about=f'"namespace":"{team.namespace}"'):
        target = event.get("objectRef", {})
        is_write = event["verb"] in ("create", "patch", "delete")
        if is_write and (event["user"]["username"], target.get("namespace")) == (
            user,
            team.namespace,
        ):
            resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            kind = f"{event['verb']} {resource}"
            yield kind, target.get("name", ""), event["responseStatus"]["code"]


def writes(team: Team) -> dict[str, list[str]]:
    """Return the operator's writes that took effect: by kind, the name of each one's object."""
    found: dict[str, list[str]] = defaultdict(list)
    for kind, name, code in requests(team, OPERATOR):
        if code < 300:
            found[kind].append(name)
    return found


def bound(team: Team) -> list[str]:
    """Return the names of the team's Pods that were given a node, as often as they were.

    What the operator was killed over has no answer in its log, so the scheduler's is taken: it
    binds each Pod that there ever was, once.
    """
    return [name for kind, name, _ in requests(team, SCHEDULER) if kind == "create pods/binding"]


def assert_each_ran_once(team: Team, count: int) -> None:
    """Wait until this many tasks, which are all, have succeeded, each with the one Pod it had."""
    team.wait_until_all_done(count)
    assert team.outcomes() == {("Succeeded", 1): count}
    pods = bound(team)
    assert len(pods) == len(set(pods)) == count


def requests_per_task(cluster: Cluster, tasks: Iterable[Json]) -> Counter[str]:
    """Count what the operator asked for each of these MLTasks and its Pods, by the task's name."""
    names = {}
    for metadata in (task["metadata"] for task in tasks):
        of_pods = f"-{metadata['uid'][:8]}-"
        names[metadata["namespace"], metadata["name"]] = metadata["name"]
        names[metadata["namespace"], of_pods] = metadata["name"]
    counts: Counter[str] = Counter()
    for event in cluster.audit_log.events(about=OPERATOR):
        target = event.get("objectRef", {})
        name = target.get("name", "")
        pod = re.search(r"-[0-9a-f]{8}-(?=[0-9]+$)", name)
        key = (target.get("namespace"), pod[0] if pod else name)
        if event["user"]["username"] == OPERATOR and key in names:
            counts[names[key]] += 1
    return counts


def outside_the_role(cluster: Cluster) -> list[str]:
    """Return what RBAC denied to the operator, and the chart does not give to it either.

    An API server that has just started denies everything, until it knows the roles; also what
    `system:discovery` gives to all who are known to it.
    """
    rights = Chart(cluster, SYSTEM).operator("mltask-operator").rights
    given = {(right.group, right.resource, right.verb) for right in rights}
    denied = [
        event
        for event in cluster.audit_log.events(about=OPERATOR)
        if event["user"]["username"] == OPERATOR and is_denied(event)
    ]
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in denied
        if not _is_discovery(event) and asked(event) not in given
    ]


def _is_discovery(event: Json) -> bool:
    is_resource = "resource" in event.get("objectRef", {})
    return event["verb"] == "get" and event["requestURI"].startswith("/api") and not is_resource
