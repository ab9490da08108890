"""Bulk: many objects of one namespace, created or deleted in parallel."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from tests.api.client import Client
from tests.api.team import Json, Team

AT_A_TIME = 8
RETRIES = 30
BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
"""Answers of an API server that has no time for the request."""

T = TypeVar("T")


def create(team: Team, objects: Iterable[Json]) -> int:
    """Create these objects; return how many the API server accepted.

    The API server may refuse a forged object. Then there is nothing to defend against.
    """

    def post(body: Json) -> int:
        for _ in range(RETRIES):
            code, answer = team.client.request("POST", team.path(body["kind"].lower()), body)
            assert code < 500 or "etcdserver" not in str(answer.get("message")), answer
            if code not in BUSY:
                break
            time.sleep(1)
        return code

    # After a request that timed out, the object may be there.
    return sum(code < 300 or code == HTTPStatus.CONFLICT for code in each(post, objects))


def delete_all(team: Team, kind: str) -> None:
    """Delete all objects of a kind in one request, without waiting for their end."""
    team.client.request("DELETE", f"{team.path(kind)}?gracePeriodSeconds=0")


def drop_finalizers(team: Team) -> None:
    """Remove the finalizers of the namespace's Pods, for which no operator runs any longer."""
    held = [pod for pod in team.pods() if pod["metadata"].get("finalizers")]
    path = [team.path("pods", pod["metadata"]["name"]) for pod in held]
    no_finalizers = {"metadata": {"finalizers": None}}
    each(lambda pod: Client.of(team.cluster).request("PATCH", pod, no_finalizers)[0], path)


def each(act: Callable[[T], int], items: Iterable[T]) -> list[int]:
    """Return what `act` returns for each item; it runs in threads, each with its own client."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(act, items))
