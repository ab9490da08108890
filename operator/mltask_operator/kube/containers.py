"""The containers of a Pod, as the kubelet reports them in its status."""

from collections.abc import Mapping, Sequence
from typing import Any

from mltask_operator.kube.times import optional_time
from mltask_operator.lifecycle.observed import Container

Json = Mapping[str, Any]


def containers_from(statuses: Sequence[Json]) -> tuple[Container, ...]:
    """Return the containers that a part of a Pod's status describes."""
    return tuple(_container(status) for status in statuses)


def _container(status: Json) -> Container:
    state = status.get("state") or {}
    if ended := state.get("terminated"):
        return Container(
            name=status["name"],
            is_terminated=True,
            exit_code=ended["exitCode"],
            reason=ended.get("reason"),
            # What `echo` wrote ends with a line break, for which kubectl would show "...".
            message=(ended.get("message") or "").rstrip("\r\n") or None,
            started_at=optional_time(ended.get("startedAt")),
            finished_at=optional_time(ended.get("finishedAt")),
        )
    if running := state.get("running"):
        return Container(
            name=status["name"],
            is_running=True,
            started_at=optional_time(running.get("startedAt")),
        )
    waiting = state.get("waiting") or {}
    return Container(
        name=status["name"], reason=waiting.get("reason"), message=waiting.get("message")
    )
