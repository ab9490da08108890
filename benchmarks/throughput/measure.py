"""What is run, and in which order: everything in one cluster with simulated nodes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.batching import OPERATOR, start_operator
from benchmarks.load import client
from benchmarks.start import start
from benchmarks.throughput.contestants import FLOOR, JOB, Contestant, mltasks
from benchmarks.throughput.figures import Figures, figures
from benchmarks.throughput.results import MANY, Plan, Results
from benchmarks.throughput.rounds import Arena, Load
from localcluster import Cluster
from localcluster.operator_process import define

MANAGER = "kube-controller-manager"
COMPONENTS = ("kube-apiserver", "etcd", MANAGER, "kube-scheduler")
MLTASK = mltasks(OPERATOR)
STEPS_PER_MLTASK = (1, 10, 50)
STEP_SECONDS = 0.1
PER_SECOND = 10
ENOUGH = 10_000
"""Finished tasks: what fewer of them take is lost in what an operator takes for its first ones."""
LIMITS_AS_SHIPPED = ("--kube-api-qps=20", "--kube-api-burst=30")
"""Of the controller manager; the local cluster lifts them."""


async def measure(cluster: Cluster, plan: Plan) -> Results:
    """Run everything in a new cluster. Raise ClusterError where a task does not succeed."""
    define(cluster)
    others = [count for count in counts(plan.most) if count != plan.tasks]
    is_memory_told = sum(others) >= ENOUGH
    empty_kb = await _settled_kb(cluster, 0) if is_memory_told else 0.0
    job_as_shipped = await _job_as_shipped(cluster, plan.tasks // 20)
    with _operator(cluster) as pid:
        pids = {"operator": pid, **_pids(cluster)}
        async with Arena.open(cluster, pids) as arena:
            # They take turns, since a machine is faster in one minute than in another.
            rounds = [
                await _play(arena, contestant, Load(plan.tasks))
                for _ in range(plan.rounds)
                for contestant in (FLOOR, JOB, MLTASK)
            ]
            quick = Load(plan.tasks // 10, run_seconds=0, per_second=PER_SECOND)
            within_a_second = await _play(arena, MLTASK, quick)
            steady = Load(PER_SECOND * plan.steady_seconds, per_second=PER_SECOND)
            steadily = await _play(arena, MLTASK, steady)
            by_steps = {
                steps: await _play(
                    arena, mltasks(OPERATOR, steps), Load(plan.in_steps // steps, STEP_SECONDS)
                )
                for steps in STEPS_PER_MLTASK
            }
            other_counts = [
                await _play(arena, MLTASK, Load(count, is_kept=True)) for count in others
            ]
    full_kb = await _settled_kb(cluster, sum(others)) if is_memory_told else 0.0
    return Results(
        machine=machine.describe(cluster),
        plan=plan,
        rounds=rounds,
        job_as_shipped=job_as_shipped,
        within_a_second=within_a_second,
        steady=steadily,
        other_counts=other_counts,
        by_steps=by_steps,
        kb_per_finished_task=(full_kb - empty_kb) / sum(others) if is_memory_told else None,
    )


async def _play(arena: Arena, contestant: Contestant, load: Load) -> Figures:
    played = figures(contestant, await arena.play(contestant, load))
    print(f"{contestant.name}, {load}: {played.per_second:.1f} a second", flush=True)
    return played


async def _job_as_shipped(cluster: Cluster, jobs: int) -> Figures:
    _restart_manager(cluster, *LIMITS_AS_SHIPPED)
    async with Arena.open(cluster, _pids(cluster)) as arena:
        played = await _play(arena, JOB, Load(jobs))
    _restart_manager(cluster)
    return played


def _restart_manager(cluster: Cluster, *options: str) -> None:
    cluster.stop_component(MANAGER)
    cluster.start_component(MANAGER, *options)


def _pids(cluster: Cluster) -> Mapping[str, int]:
    return {name: cluster.pid(name) for name in COMPONENTS}


async def _settled_kb(cluster: Cluster, finished: int) -> float:
    """Return the resident memory of an operator that starts among so many finished tasks."""
    async with client(cluster) as api:
        return (await start(cluster, api, finished)).settled


@contextmanager
def _operator(cluster: Cluster) -> Iterator[int]:
    """Yield the process id of an operator that runs within the block."""
    operator = start_operator(cluster)
    try:
        yield operator.pid
    finally:
        operator.stop()


def counts(most: int) -> Iterator[int]:
    """Yield numbers of tasks up to `most`: powers of ten, and from 1,000 on what is between."""
    count = 10
    while count < most:
        yield count
        if count >= MANY and 3 * count < most:
            yield 3 * count
        count *= 10
    yield most
