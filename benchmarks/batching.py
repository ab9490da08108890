"""What it costs, and saves, to let tasks share an allocation: python -m benchmarks.batching.

The same short tasks run as MLTasks of one step, five, ten and fifty, on a real node: once where
all of them want the node's only accelerator, and once where the node takes many side by side.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median_low
from typing import Any

import click

from benchmarks import machine, options, writes
from localcluster import Cluster, ClusterError
from localcluster.credentials import NODE
from localcluster.operator_process import OperatorProcess

STEPS_PER_MLTASK = (1, 5, 10, 50)
TIMEOUT = "--timeout=30m"
WORK = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i > /dev/termination-log"
"""About 0.2 s of one core."""

ACCELERATOR = "example.com/accelerator"
REQUESTS = {
    "the only accelerator": {ACCELERATOR: "1", "cpu": "100m", "memory": "16Mi"},
    "100m CPU each": {"cpu": "100m", "memory": "16Mi"},
}
HOME = "batching"
OPERATOR = f"system:serviceaccount:{HOME}:operator"

Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """What one way to run the tasks has cost."""

    requests: str
    steps_per_mltask: int
    mltasks: int
    allocations: int
    writes_of_operator: int
    writes_of_all: int
    held_seconds: int
    """For how long Pods held their requests on the node, all taken together."""
    wall_seconds: float
    """From the start of `kubectl apply` until all have finished and no Pod is left."""


@click.command()
@click.option("--tasks", default=100, show_default=True, help="How many tasks there are.")
@click.option("--rounds", default=3, show_default=True, help="How often each way is measured.")
@options.output(__file__)
def main(*, tasks: int, rounds: int, output: Path) -> None:
    """Measure tasks that share allocations; needs a real node (root on Linux)."""
    try:
        with Cluster.start(real_node=True) as cluster:
            where = machine.describe(cluster)
            rows = list(measure_all(cluster, tasks, rounds))
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    figures = {"machine": where, "tasks": tasks, "rows": [asdict(row) for row in rows]}
    output.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\n{tasks} tasks on {', '.join(f'{k} {v}' for k, v in where.items())}\n")
    print(table(medians(rows)))


def measure_all(cluster: Cluster, tasks: int, rounds: int) -> Iterator[Row]:
    """Yield rows, one in each round for each way to run so many tasks.

    A machine is faster in one minute than in another, so the ways take turns.
    """
    _add_accelerator(cluster)
    operator = start_operator(cluster)
    try:
        for requests, steps in rounds * list(product(REQUESTS, STEPS_PER_MLTASK)):
            row = measure(cluster, tasks, steps, requests)
            print(f"{requests}, {steps} to an MLTask: {row.wall_seconds} s", flush=True)
            operator.raise_if_ended()
            yield row
    finally:
        operator.stop()


def measure(cluster: Cluster, tasks: int, steps: int, requests: str) -> Row:
    """Run the tasks in a namespace of their own, so many steps to an MLTask."""
    namespace = f"run-{time.monotonic_ns()}"
    cluster.kubectl("create", "namespace", namespace)
    here = f"--namespace={namespace}"
    cluster.kubectl(here, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    manifests = list(mltasks(tasks, steps, REQUESTS[requests]))

    started = time.monotonic()
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    cluster.kubectl(here, "apply", "-f", "-", stdin=everything)
    cluster.kubectl(here, "wait", "--for=condition=Finished", "mltasks", "--all", TIMEOUT)
    cluster.kubectl(here, "wait", "--for=delete", "pods", "--all", TIMEOUT)
    wall = time.monotonic() - started

    items = json.loads(cluster.kubectl(here, "get", "mltasks", "-o", "json"))["items"]
    statuses = [item["status"] for item in items]
    results = [each.get("result") for s in statuses for each in s.get("steps") or [s]]
    if len(results) != tasks or not all(results):
        raise ClusterError(f"{sum(map(bool, results))} of {tasks} tasks have a result")
    written = writes.settled(cluster, namespace)
    cluster.kubectl("delete", "namespace", namespace)
    return Row(
        requests=requests,
        steps_per_mltask=steps,
        mltasks=len(manifests),
        allocations=sum(n for write, n in written.items() if write.is_new("pods")),
        writes_of_operator=sum(n for write, n in written.items() if write.user == OPERATOR),
        writes_of_all=written.total(),
        held_seconds=sum(status["allocation"]["seconds"] for status in statuses),
        wall_seconds=round(wall, 1),
    )


def mltasks(tasks: int, steps: int, requests: dict[str, str]) -> Iterator[Json]:
    """Yield the manifests of MLTasks that run so many tasks together."""
    for number in range(math.ceil(tasks / steps)):
        count = min(steps, tasks - number * steps)
        work: Json = {"command": ["sh", "-c", WORK]}
        if steps > 1:
            work = {"steps": [{"name": f"task-{i}", **work} for i in range(count)]}
        yield {
            "apiVersion": "mltask.dev/v1alpha1",
            "kind": "MLTask",
            "metadata": {"name": f"batch-{number}"},
            "spec": {"image": "busybox:1.37", "resources": {"requests": requests}, **work},
        }


def medians(rows: list[Row]) -> list[Row]:
    """Return one row for each way, with the median of each of its figures."""
    ways: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        ways.setdefault((row.requests, row.steps_per_mltask), []).append(row)
    return [_median(*same) for same in ways.values()]


def _median(first: Row, *others: Row) -> Row:
    figures = {
        name: median_low(getattr(row, name) for row in (first, *others))
        for name in asdict(first)
        if name != "requests"
    }
    return replace(first, **figures)


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| each requests | steps per MLTask | MLTasks | allocations | writes of the operator "
        "| writes of all | held | wall time |",
        "| --- |" + " ---: |" * 7,
    ]
    lines += [
        f"| {r.requests} | {r.steps_per_mltask} | {r.mltasks} | {r.allocations} "
        f"| {r.writes_of_operator} | {r.writes_of_all} | {r.held_seconds} s "
        f"| {r.wall_seconds:.0f} s |"
        for r in rows
    ]
    return "\n".join(lines)


def _add_accelerator(cluster: Cluster) -> None:
    # https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
    path = f"/status/capacity/{ACCELERATOR.replace('/', '~1')}"
    patch = json.dumps([{"op": "add", "path": path, "value": "1"}])
    cluster.kubectl("patch", "node", NODE, "--subresource=status", "--type=json", "-p", patch)
    field = ACCELERATOR.replace(".", r"\.")
    allocatable = f"--for=jsonpath={{.status.allocatable.{field}}}=1"
    cluster.kubectl("wait", allocatable, f"node/{NODE}", "--timeout=60s")


def start_operator(cluster: Cluster) -> OperatorProcess:
    """Start it under an account of its own, by which the audit log tells it from others."""
    cluster.kubectl("create", "namespace", HOME)
    cluster.kubectl("create", "serviceaccount", "operator", f"--namespace={HOME}")
    cluster.kubectl(
        *("create", "clusterrolebinding", "operator"),
        *("--clusterrole=cluster-admin", f"--serviceaccount={HOME}:operator"),
    )
    kubeconfig = cluster.kubeconfig_for_service_account(HOME, "operator")
    return OperatorProcess.serve(cluster, kubeconfig)


if __name__ == "__main__":
    main()
