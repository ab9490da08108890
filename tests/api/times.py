"""Times as the API has them, in whole seconds, and the time now."""

from datetime import UTC, datetime, timedelta

from tests.api.team import Json, Team
from tests.waiting import wait_until

SLOWNESS = timedelta(seconds=15)
"""How late the operator and a simulated node may be, on a slow machine."""


def now() -> datetime:
    return datetime.now(UTC)


def seconds(count: int) -> timedelta:
    return timedelta(seconds=count)


def parse(text: str) -> datetime:
    return datetime.fromisoformat(text)


def completed_at(attempt: Json) -> datetime:
    """Return when an attempt ended: `attempt` is a record of the history, or a status."""
    return parse(attempt["completionTime"])


def started_at(attempt: Json) -> datetime:
    """Return when an attempt started: `attempt` is a record of the history, or a status."""
    return parse(attempt["startTime"])


def created_at(team: Team, task: str, attempt: int) -> datetime:
    """Wait for the Pod of this attempt, and return when it was created."""
    return parse(team.pod_of(task, attempt)["metadata"]["creationTimestamp"])


def wait_for(moment: datetime) -> None:
    """Wait until this moment has passed."""
    left = (moment - now()).total_seconds()
    wait_until(lambda: now() > moment, f"it is {moment}", max(0, left) + 1)
