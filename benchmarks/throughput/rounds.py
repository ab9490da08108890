"""One round: n tasks by one contestant, from the first creation until the last Pod is gone."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import aiohttp
import yaml

from benchmarks import writes
from benchmarks.throughput.contestants import Contestant
from benchmarks.throughput.footprint import Footprint, footprints
from benchmarks.throughput.witness import Life, Witness
from localcluster import Cluster, ClusterError

CREATIONS_AT_ONCE = 64
STUCK_SECONDS = 120


@dataclass(frozen=True)
class Load:
    """`count` tasks; all at once, unless so many are to be created in each second."""

    count: int
    run_seconds: float = 1.0
    """Of each container."""
    per_second: float | None = None
    is_kept: bool = False
    """Whether the objects stay in the cluster when the round is over."""

    def __str__(self) -> str:
        how = "at once" if self.per_second is None else f"{self.per_second:g} a second"
        return f"{self.count:,} of {self.run_seconds:g} s, {how}"


@dataclass(frozen=True)
class Round:
    """What one contestant's tasks took. Times are in seconds."""

    wall: float
    lives: list[Life]
    writes: Mapping[writes.Write, int]
    """In the namespace, by everybody."""
    reads: Mapping[str, int]
    """By user: what was read anywhere meanwhile, watches aside."""
    footprints: Mapping[str, Footprint]
    """By component."""

    @property
    def to_pod(self) -> list[float]:
        """From the moment that a task was sent to its Pod."""
        return [life.pod_seen - life.asked for life in self.lives]

    @property
    def to_gone(self) -> list[float]:
        """From each Pod's end until it is gone."""
        return [life.gone - life.ended for life in self.lives]


class Arena:
    """A cluster, and connections of the administrator."""

    def __init__(
        self, cluster: Cluster, session: aiohttp.ClientSession, pids: Mapping[str, int]
    ) -> None:
        self._cluster = cluster
        self._session = session
        self._pids = pids

    @classmethod
    @asynccontextmanager
    async def open(cls, cluster: Cluster, pids: Mapping[str, int]) -> AsyncIterator[Self]:
        """Yield an arena that measures the processes of these ids, by component."""
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        authority = config["clusters"][0]["cluster"]["certificate-authority"]
        trusted = ssl.create_default_context(cafile=authority)
        async with aiohttp.ClientSession(
            cluster.url,
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
            connector=aiohttp.TCPConnector(ssl=trusted, limit=0),
            raise_for_status=True,
            read_bufsize=2**24,
        ) as session:
            yield cls(cluster, session, pids)

    async def play(self, contestant: Contestant, load: Load) -> Round:
        """Have the tasks run in a namespace of their own. Raise ClusterError where one does not."""
        namespace = f"round-{time.monotonic_ns()}"
        self._cluster.kubectl("create", "namespace", namespace)
        self._cluster.kubectl(
            *("--namespace", namespace, "wait", "--for=create", "serviceaccount/default")
        )
        played = await self._play(contestant, load, namespace)
        if not load.is_kept:
            # To delete the namespace would take five seconds more.
            async with self._session.delete(contestant.collection.format(namespace)) as answer:
                await answer.read()
        return played

    async def _play(self, contestant: Contestant, load: Load, namespace: str) -> Round:
        pods = f"/api/v1/namespaces/{namespace}/pods"
        deletions = _Deletions(self._session, pods)
        witness = Witness(
            contestant.label, deletions.add if contestant.is_deleted_by_client else _ignore
        )
        names = [f"task-{number}" for number in range(load.count)]
        witness.expect(names)
        since = self._cluster.audit_log.size()
        with footprints(self._pids) as taken:
            started = time.perf_counter()
            async with witness.watch(self._session, pods), deletions.at_work():
                await self._create(contestant, load, namespace, witness.lives)
                await witness.wait_until_all_are_gone(STUCK_SECONDS)
        lives = list(witness.lives.values())
        if lost := sum(math.isnan(life.ended + life.gone) for life in lives):
            raise ClusterError(f"{contestant.name}: of {lost} tasks no Pod has succeeded and gone")
        wall = max(life.gone for life in lives) - started
        written = writes.settled(self._cluster, namespace, since)
        reads = writes.reads_so_far(self._cluster, since)
        return Round(wall, lives, written, reads, taken)

    async def _create(
        self, contestant: Contestant, load: Load, namespace: str, lives: Mapping[str, Life]
    ) -> None:
        path = contestant.collection.format(namespace)
        started = time.perf_counter()
        left = iter(enumerate(lives.items()))

        async def worker() -> None:
            for number, (name, life) in left:
                if load.per_second:
                    due = started + number / load.per_second
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                body = contestant.body(name, load.run_seconds)
                life.asked = time.perf_counter()
                async with self._session.post(path, json=body) as answer:
                    await answer.read()

        await asyncio.gather(*(worker() for _ in range(CREATIONS_AT_ONCE)))


class _Deletions:
    """Pods that this client deletes when they have ended."""

    def __init__(self, session: aiohttp.ClientSession, pods: str) -> None:
        self._session = session
        self._pods = pods
        self._names: asyncio.Queue[str] = asyncio.Queue()

    def add(self, name: str) -> None:
        """Have a Pod deleted."""
        self._names.put_nowait(name)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Delete within the block."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(CREATIONS_AT_ONCE)]
            yield
            for worker in workers:
                worker.cancel()

    async def _work(self) -> None:
        while True:
            name = await self._names.get()
            async with self._session.delete(f"{self._pods}/{name}") as answer:
                await answer.read()


def _ignore(_: str) -> None:
    """Leave an ended Pod to its controller."""
