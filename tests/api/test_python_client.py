"""The Python client on a real API server."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mltask import AsyncClient, Client, Phase, PodTemplate, TaskFailed, TaskGone, new_task
from tests.api.plugin import end
from tests.api.team import FAKE, Team


@pytest.fixture(scope="module")
def python(shared_team: Team) -> Iterator[Client]:
    """A client of the team's namespace."""
    kubeconfig = str(shared_team.cluster.kubeconfig)
    with Client(kubeconfig=kubeconfig, namespace=shared_team.namespace) as client:
        yield client


def fated(**words: object) -> PodTemplate:
    """Return a template by which a simulated node knows how the Pod is to end."""
    annotations = {f"{FAKE}/{word.replace('_', '-')}": str(value) for word, value in words.items()}
    return PodTemplate.model_validate({"metadata": {"annotations": annotations}})


def test_submit_wait_and_read_the_result(python: Client) -> None:
    template = fated(run_seconds=0.1, message='{"accuracy": 0.9}')
    task = python.submit(new_task("py-", "trainer:1", requests={"cpu": 1}, template=template))
    finished = python.wait(task, timeout=30)
    assert finished.status.phase is Phase.SUCCEEDED
    assert finished.status.result == '{"accuracy": 0.9}'
    assert task.metadata.name in [each.metadata.name for each in python.list()]


def test_a_failure_has_its_evidence(python: Client) -> None:
    template = fated(run_seconds=0.1, exit_code=3, message="loss is NaN")
    python.submit(new_task("py-fails", "trainer:1", requests={"cpu": 1}, template=template))
    with pytest.raises(TaskFailed, match="loss is NaN") as raised:
        python.wait("py-fails", timeout=30)
    assert (raised.value.reason, raised.value.exit_code) == ("ContainerFailed", 3)
    assert "".join(python.logs("py-fails")) == "loss is NaN"


def test_who_waits_for_a_task_that_is_cancelled_is_told(python: Client) -> None:
    task = python.submit(new_task("py-cancelled", "trainer:1", requests={"cpu": 1}))
    cancelling = threading.Timer(0.5, python.cancel, ["py-cancelled"])
    cancelling.start()
    with pytest.raises(TaskGone):
        python.wait(task, timeout=30)
    cancelling.join()


async def test_several_are_waited_for_at_once(shared_team: Team) -> None:
    kubeconfig = str(shared_team.cluster.kubeconfig)
    async with AsyncClient(kubeconfig=kubeconfig, namespace=shared_team.namespace) as client:
        tasks = [
            await client.submit(new_task(f"py-{n}", "trainer:1", requests={"cpu": 1}))
            for n in range(3)
        ]
        waiting = asyncio.gather(*(client.wait(task, timeout=30) for task in tasks))
        for n in range(3):
            await asyncio.to_thread(end, shared_team, f"py-{n}", 0, str(n))
        assert [task.status.result for task in await waiting] == ["0", "1", "2"]
