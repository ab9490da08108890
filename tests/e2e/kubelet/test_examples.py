"""Every example that needs no other image than busybox runs on a real node as it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.api.team import Json, Team
from tests.chart.chart import ROOT
from tests.e2e.kubelet.workloads import IMAGE

EXAMPLES = ROOT / "examples"
FAILURES = {
    "never-starts": "CreateContainerConfigError",
    "sweep": "StepFailed",
    "too-long": "DeadlineExceeded",
}
"""The tasks that have to fail, and why; all others have to succeed."""


def tasks(file: Path) -> list[Json]:
    """Return the MLTasks in a file."""
    documents = yaml.safe_load_all(file.read_text())
    return [each for each in documents if each and each["kind"] == "MLTask"]


def runs_here(file: Path) -> bool:
    """Whether the node has the images that the file names."""
    found = tasks(file)
    return bool(found) and all(each["spec"]["image"] == IMAGE for each in found)


RUNNABLE = [file for file in sorted(EXAMPLES.glob("**/*.yaml")) if runs_here(file)]


@pytest.fixture(scope="module")
def user(team: Team) -> Iterator[Team]:
    """A namespace in which all examples run side by side; each test waits for its own."""
    created = Team.create(team.cluster)
    created.kubectl("apply", *(f"--filename={file}" for file in RUNNABLE))
    yield created
    for file in RUNNABLE:
        created.kubectl("delete", f"--filename={file}")
    created.delete()


@pytest.mark.parametrize("file", RUNNABLE, ids=lambda file: str(file.relative_to(EXAMPLES)))
def test_example(user: Team, file: Path) -> None:
    for task in tasks(file):
        name = task["metadata"]["name"]
        if task["spec"].get("suspend"):
            user.wait_for_phase(name, "Suspended")
            resume = '--patch={"spec":{"suspend":false}}'
            user.kubectl("patch", "mltask", name, "--type=merge", resume)
        status = user.finish(name)
        expected = ("Failed", FAILURES[name]) if name in FAILURES else ("Succeeded", "Completed")
        assert (status["phase"], status["reason"]) == expected


def test_the_pipeline_hands_its_data_on(user: Team) -> None:
    assert user.finish("pipeline")["result"] == "mean 50.5"


def test_the_sweep_has_a_result_or_a_reason_for_each_trial(user: Team) -> None:
    steps = user.finish("sweep")["steps"]
    assert [(each["phase"], each["result"]) for each in steps] == [
        ("Succeeded", "0.91"),
        ("Failed", "loss is NaN"),
        ("Succeeded", "0.87"),
    ]


def test_the_hungry_task_gets_what_it_needs(user: Team) -> None:
    status = user.finish("hungry")
    assert [record["reason"] for record in status["history"]] == ["OOMKilled"]
    assert status["allocation"]["requests"]["memory"] == "64Mi"
    assert status["result"] == "40000000"
