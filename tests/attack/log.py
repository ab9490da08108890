"""Log: what an attack must never leave in the operator's log, or make it request."""

import re
from collections.abc import Iterator

from tests.api.operator_process import OperatorProcess
from tests.api.team import Json
from tests.attack.scene import Scene
from tests.chart.chart import is_denied

NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
QUERY = r"(\?[\w=&%.,/!-]*)?"
NAMESPACED = rf"/namespaces/{NAME}"
ALLOWED = re.compile(
    "|".join(
        (
            rf"/api/v1({NAMESPACED})?/(pods|resourcequotas){QUERY}",
            rf"/api/v1{NAMESPACED}/pods/{NAME}{QUERY}",
            rf"/apis/mltask\.dev/v1alpha1({NAMESPACED})?/mltasks{QUERY}",
            rf"/apis/mltask\.dev/v1alpha1{NAMESPACED}/mltasks/{NAME}(/status)?{QUERY}",
            rf"/apis/events\.k8s\.io/v1{NAMESPACED}/events{QUERY}",
            rf"/api/v1{NAMESPACED}/events{QUERY}",
            rf"/apis/coordination\.k8s\.io/v1{NAMESPACED}/leases(/{NAME})?{QUERY}",
            rf"/apis/scheduling\.k8s\.io/v1/priorityclasses{QUERY}",
            r"/apis/authorization\.k8s\.io/v1/selfsubjectaccessreviews",
            r"/(version|apis?)?",
            r"/apis/[a-z0-9.]+/v1\w*",
            r"/api/v1",
        )
    )
)
"""Every request that the operator makes, with nothing in a path but names."""

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u2028\u2029\u202a-\u202e]")


def odd_requests(scene: Scene, since: int) -> list[str]:
    """Return the requests of the operator's account that lead anywhere but to its resources."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in _events(scene, since)
        if not ALLOWED.fullmatch(event["requestURI"]) or is_denied(event)
    ]


def tracebacks(operator: OperatorProcess) -> int:
    """Return how many tracebacks are in the operator's log."""
    return operator.log.count("Traceback (most recent call last)")


def forged_lines(operator: OperatorProcess) -> list[str]:
    """Return the lines of the log that no logger began, or that have control characters."""
    lines = operator.log_file.read_bytes().decode(errors="replace").split("\n")
    return [line for line in lines if line and (not LINE.match(line) or CONTROL.search(line))]


def _events(scene: Scene, since: int) -> Iterator[Json]:
    user = scene.program.user
    for event in scene.cluster.audit_log.events(since, about=user):
        if event["user"]["username"] == user:
            yield event
