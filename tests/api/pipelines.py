"""Tasks with steps on simulated nodes."""

from typing import Any

from tests.api.team import FAKE, Json, Team

QUICK: Json = {"step_seconds": 0.1, "run_seconds": 0.1}
"""A fate: every step ends soon, the last one too."""


def steps(*names: str, **more: Json) -> list[Json]:
    """Return steps of these names; `more` has further fields of some."""
    return [{"name": name, "command": ["run", name], **more.get(name, {})} for name in names]


def column(status: Json, field: str) -> list[Any]:
    """Return a field of each step, in order."""
    return [step.get(field) for step in status["steps"]]


def step_runs(team: Team, task: str, index: int) -> None:
    """Wait until status says that the step of this index runs."""
    team.wait(task, f"jsonpath={{.status.steps[{index}].phase}}=Running")


def go_on(team: Team, pod: Json, step: str, exit_code: int = 0) -> None:
    """Have a simulated node end a step, at once or as soon as it runs."""
    fate = {f"step-seconds.{step}": 0, f"exit-code.{step}": exit_code}
    words = (f"{FAKE}/{word}={value}" for word, value in fate.items())
    team.kubectl("annotate", "--overwrite", "pod", pod["metadata"]["name"], *words)
