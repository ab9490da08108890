"""Tasks for the operator: short ones, so many at a time, and ones that finished long ago."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from localcluster import Cluster, ClusterError
from mltask_operator.access.credentials import Credentials
from mltask_operator.api import names
from mltask_operator.api.status import Phase
from mltask_operator.kube import paths
from mltask_operator.kube.api import Api
from mltask_operator.runtime.listing import UNFINISHED

Json = dict[str, Any]

REQUESTS_AT_ONCE = 64
STUCK_SECONDS = 120
LONG_AGO = "2026-01-01T00:00:00Z"
MOMENTS_LATER = "2026-01-01T00:00:09Z"


@asynccontextmanager
async def client(cluster: Cluster) -> AsyncIterator[Api]:
    """Yield the administrator's connections to the API server."""
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    credentials = Credentials()
    await credentials.load()
    async with Api(credentials) as api:
        yield api


def task(name: str, *, run_seconds: float = 0.5, exit_code: int = 0, **spec: Any) -> Json:
    """Return an MLTask whose simulated Pod ends so long after its start, with this exit code."""
    annotations = {
        "fake.mltask.dev/run-seconds": str(run_seconds),
        "fake.mltask.dev/exit-code": str(exit_code),
    }
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": {
            "image": "trainer:1",
            "resources": {"requests": {"cpu": "10m"}},
            "template": {"metadata": {"annotations": annotations}},
            **spec,
        },
    }


async def create(api: Api, namespace: str, body: Json) -> Json:
    """Create an MLTask and return it."""
    return await api.request("POST", paths.tasks(namespace), body)


async def run(
    api: Api,
    namespace: str,
    total: int,
    alive: int,
    ttl: int | None,
    check: Callable[[], None],
) -> None:
    """Run so many tasks, `alive` of them at a time; return when none is left to finish.

    Each time that they are counted, `check` may raise. Raise ClusterError where nothing goes on.
    """
    spec = {} if ttl is None else {"ttlSecondsAfterFinished": ttl}
    made, deadline, left = 0, time.monotonic() + STUCK_SECONDS, -1
    while (open_tasks := await unfinished(api, namespace)) or made < total:
        check()
        more = range(made, max(made, min(total, made + alive - open_tasks)))
        await _each(more, lambda n: create(api, namespace, task(f"soak-{n}", **spec)))
        made = more.stop
        if more or open_tasks != left:
            deadline, left = time.monotonic() + STUCK_SECONDS, open_tasks
        if time.monotonic() > deadline:
            raise ClusterError(f"{open_tasks} tasks do not finish")
        await asyncio.sleep(0.5)


async def unfinished(api: Api, namespace: str) -> int:
    """Return how many MLTasks have not finished."""
    found: list[Json] = []
    await api.list(paths.tasks(namespace), found.append, field_selector=UNFINISHED)
    return len(found)


async def add_finished(api: Api, namespace: str, count: int) -> None:
    """Create MLTasks that have finished: three in four at once, the others failed at last."""

    async def add(number: int) -> None:
        made = await create(api, namespace, task(f"finished-{number}", backoffLimit=1))
        metadata = made["metadata"]
        await api.patch_status(
            namespace,
            metadata["name"],
            metadata["resourceVersion"],
            _failure(metadata) if number % 4 == 3 else _success(metadata),
        )

    await _each(range(count), add)


def _success(metadata: Json) -> Json:
    return {
        **_outcome(metadata, Phase.SUCCEEDED, "Completed", attempts=1),
        "exitCode": 0,
        "result": "accuracy=0.99 " * 14,
    }


def _failure(metadata: Json) -> Json:
    first = {
        "attempt": 1,
        "reason": "NonZeroExitCode",
        "message": "The container main ended with exit code 1",
        "exitCode": 1,
        "podName": names.pod_name(metadata["name"], metadata["uid"], 1),
        "nodeName": "simulated-0",
        "startTime": LONG_AGO,
        "completionTime": MOMENTS_LATER,
    }
    return {
        **_outcome(metadata, Phase.FAILED, "NonZeroExitCode", attempts=2),
        "failures": 2,
        "exitCode": 1,
        "logTail": "Traceback (most recent call last):\n" * 28,
        "history": [first],
    }


def _outcome(metadata: Json, phase: Phase, reason: str, attempts: int) -> Json:
    message = f"The container main ended: {reason}"
    kind = "Complete" if phase is Phase.SUCCEEDED else "Failed"
    return {
        "phase": phase,
        "reason": reason,
        "message": message,
        "conditions": [
            {
                "type": each,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": MOMENTS_LATER,
            }
            for each in (kind, "Finished")
        ],
        "attempts": attempts,
        "podName": names.pod_name(metadata["name"], metadata["uid"], attempts),
        "nodeName": "simulated-0",
        "startTime": LONG_AGO,
        "completionTime": MOMENTS_LATER,
        "duration": "9s",
        "allocation": {"requests": {"cpu": "10m"}, "seconds": 9},
        "observedGeneration": 1,
    }


async def _each(numbers: Iterable[int], work: Callable[[int], Awaitable[object]]) -> None:
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await work(number)

    await asyncio.gather(*(worker() for _ in range(REQUESTS_AT_ONCE)))
