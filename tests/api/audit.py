"""What the API server's audit log says of a team's namespace."""

from collections import defaultdict
from collections.abc import Iterator

from tests.api.team import Team

SYSTEM = "mltask-system"
OPERATOR = f"system:serviceaccount:{SYSTEM}:mltask-operator"
SCHEDULER = "system:kube-scheduler"


def requests(team: Team, user: str) -> Iterator[tuple[str, str, int]]:
    """Yield a user's writes in the team's namespace: `verb resource`, the object, the answer."""
    for event in team.cluster.audit_events():
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
