"""Tasks of two teams, and what befalls them: something for each panel to show."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from benchmarks import load
from mltask_operator.api import names
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.kube.errors import ApiError

VISION, LANGUAGE = TEAMS = ("vision", "language")
PODS_OF_LANGUAGE = 6
"""Its quota."""
GPUS_FOR_ALL_BUT_FEW = 40
"""Of the 64 that a simulated node has: one such task fits on each."""
PAUSE = {"baseSeconds": 3, "maxSeconds": 6}
SHARE = 0.85
"""In what part of the time tasks come: in the rest those finish that are there."""


async def play(api: Api, seconds: int) -> None:
    """Have tasks come, end, fail, wait and be disrupted for so long."""
    await _furnish(api)
    chance = random.Random(0)  # noqa: S311 (a load, no secret)
    coming = seconds * SHARE
    async with asyncio.TaskGroup() as group:
        for work in (
            _each(1, coming, lambda n: _trainings(api, n, chance)),
            _each(25, coming, lambda n: _sweep(api, n)),
            _each(20, coming, lambda n: _large(api, n)),
            _each(15, coming, lambda n: _later(api, n)),
            _each(3, coming, lambda _: _evict(api, chance)),
            _each(5, coming, lambda _: _delete_pod(api, chance)),
            asyncio.sleep(seconds),
        ):
            group.create_task(work)


async def _furnish(api: Api) -> None:
    for team in TEAMS:
        await api.request("POST", "/api/v1/namespaces", {"metadata": {"name": team}})
    limit = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": str(PODS_OF_LANGUAGE)}}}
    await api.request("POST", f"/api/v1/namespaces/{LANGUAGE}/resourcequotas", limit)


async def _each(period: float, seconds: float, work: Callable[[int], Awaitable[object]]) -> None:
    """Begin one go of the work in each period, however long they take."""
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds / period)):
            group.create_task(_go(work(number)))
            await asyncio.sleep(period)


async def _go(work: Awaitable[object]) -> None:
    await work


async def _trainings(api: Api, number: int, chance: random.Random) -> None:
    """Two tasks, of which one in eight fails for good at its second attempt."""
    for part in range(2):
        fails = (2 * number + part) % 8 == 0
        await _create(
            api,
            VISION,
            f"training-{number}-{part}",
            run_seconds=round(chance.uniform(1, 12), 1),
            exit_code=3 if fails else 0,
            cpu="500m",
            backoffLimit=1,
            backoff=PAUSE,
        )


async def _sweep(api: Api, number: int) -> None:
    """More tasks at once than the quota has room for."""
    for trial in range(4 * PODS_OF_LANGUAGE):
        name = f"trial-{number}-{trial}"
        await _create(api, LANGUAGE, name, run_seconds=3 + trial % 4, cpu="2")


async def _large(api: Api, number: int) -> None:
    """Three tasks that do not fit on the nodes side by side."""
    for part in range(3):
        await _create(
            api,
            VISION,
            f"large-{number}-{part}",
            run_seconds=9,
            cpu="4",
            gpus=GPUS_FOR_ALL_BUT_FEW,
        )


async def _later(api: Api, number: int) -> None:
    """A task that is put away at first."""
    name = f"later-{number}"
    await _create(api, VISION, name, run_seconds=4, suspend=True)
    await asyncio.sleep(8)
    path = f"{paths.tasks(VISION)}/{name}"
    await api.request("PATCH", path, {"spec": {"suspend": False}}, "application/merge-patch+json")


async def _create(
    api: Api,
    namespace: str,
    name: str,
    *,
    run_seconds: float,
    exit_code: int = 0,
    cpu: str = "1",
    gpus: int = 0,
    **spec: object,
) -> None:
    requests = {"cpu": cpu, **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    body = load.task(
        name, run_seconds=run_seconds, exit_code=exit_code, resources={"requests": requests}, **spec
    )
    await load.create(api, namespace, body)


async def _evict(api: Api, chance: random.Random) -> None:
    if pod := await _running(api, chance):
        path = f"{paths.pods(VISION)}/{pod}/eviction"
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        with suppress(ApiError):  # it has ended meanwhile
            await api.request("POST", path, eviction)


async def _delete_pod(api: Api, chance: random.Random) -> None:
    if pod := await _running(api, chance):
        with suppress(ApiError):  # it has ended meanwhile
            await api.request("DELETE", f"{paths.pods(VISION)}/{pod}")


async def _running(api: Api, chance: random.Random) -> str | None:
    """Return the name of a Pod that runs, if there is one."""
    pods = await _pods(api)
    return chance.choice(pods) if pods else None


async def _pods(api: Api) -> list[str]:
    pods: list[dict[str, Any]] = []
    await api.list(paths.pods(VISION), pods.append, label_selector=names.TASK_LABEL)
    return [
        pod["metadata"]["name"]
        for pod in pods
        if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]
