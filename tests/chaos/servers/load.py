"""Some dozens of tasks of several kinds, under way while a fault lasts, and how each must end."""

from typing import NamedTuple

from tests.api.pipelines import steps
from tests.api.team import Json, manifest
from tests.chaos.scenarios import AT_ONCE, SUCCEEDED, Outcome

EACH = 10


class Story(NamedTuple):
    """A task, and how it must end."""

    task: Json
    end: Outcome


def load(span: float) -> list[Story]:
    """Return tasks that come to their ends one after another, the last after `span` seconds."""
    return [story for number in range(EACH) for story in _of_each_kind(number, span)]


def _of_each_kind(number: int, span: float) -> list[Story]:
    seconds = span * (number + 1) / EACH
    return [
        Story(manifest(f"load-ends-{number}", fate={"run_seconds": seconds}), SUCCEEDED),
        Story(
            manifest(f"load-fails-{number}", fate={"run_seconds": seconds, "exit_code": 3}),
            Outcome("Failed", "ContainerFailed", 1, failures=1),
        ),
        Story(
            manifest(
                f"load-retried-{number}",
                fate={"run_seconds": seconds / 3, "exit_code": 3},
                backoffLimit=2,
                backoff=AT_ONCE,
            ),
            Outcome("Failed", "ContainerFailed", 3, failures=3),
        ),
        Story(
            manifest(
                f"load-steps-{number}",
                fate={"step_seconds": seconds / 3, "run_seconds": seconds / 3, "exit_code.b": 3},
                steps=steps("a", "b", "c"),
                stepFailurePolicy="Continue",
            ),
            Outcome(
                "Failed",
                "StepFailed",
                attempts=2,
                failures=1,
                steps=("Succeeded", "Failed", "Succeeded"),
            ),
        ),
    ]
