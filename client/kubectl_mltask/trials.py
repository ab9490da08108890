"""The tasks of a sweep, and what became of its trials. Pure."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubernetes.client.models import V1EnvVar, V1ObjectMeta

from kubectl_mltask.sweepfile import InvalidSweep, Sweep
from mltask import MLTask, MLTaskSpec, MLTaskStatus, Step, to_json
from mltask_operator.api.v1alpha1 import MAX_STEPS

SWEEP_LABEL = "mltask.dev/sweep"
DIGEST_ANNOTATION = "mltask.dev/sweep-digest"
"""Of what the task was to be: so that a sweep goes on only with tasks of its own."""

FINAL = ("Succeeded", "Failed", "Skipped", "Deleted")


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and the task that tries it, or the step of one."""

    parameters: Mapping[str, str]
    task: str
    step: str | None = None

    @property
    def name(self) -> str:
        """The name that tells it from the others."""
        return f"{self.task}/{self.step}" if self.step else self.task


@dataclass(frozen=True)
class Outcome:
    """What has become of a trial so far. `phase` may also be Deleted: its task is gone."""

    trial: Trial
    phase: str = "Pending"
    reason: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    result: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it never changes again."""
        return self.phase in FINAL

    @property
    def values(self) -> dict[str, Any]:
        """The JSON object that the trial's result is; empty where it is none."""
        try:
            # What is not a number is none in JSON either, whatever Python makes of it.
            found = json.loads(self.result, parse_constant=lambda _: None)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def metric(self, name: str) -> float | None:
        """Return a number of the result, if it has it."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if math.isfinite(value) else None


def plan(sweep: Sweep, share: int = 1) -> list[tuple[MLTask, list[Trial]]]:
    """Return the tasks of a sweep, each with its trials: one, or `share` of them as steps.

    Raises InvalidSweep where the template cannot be shared.
    """
    everything = list(sweep.combinations())
    if share == 1:
        return [_alone(sweep, index, each) for index, each in enumerate(everything)]
    if share > MAX_STEPS:
        raise InvalidSweep(f"--share {share}: at most {MAX_STEPS} trials share an allocation")
    if sweep.template.spec.steps:
        raise InvalidSweep("template.spec.steps: with --share the trials themselves are the steps")
    groups = [everything[start : start + share] for start in range(0, len(everything), share)]
    return [_shared(sweep, index, group) for index, group in enumerate(groups)]


def _alone(sweep: Sweep, index: int, parameters: Mapping[str, str]) -> tuple[MLTask, list[Trial]]:
    spec = sweep.template.spec
    env = [*(spec.env or ()), *_variables(parameters)]
    task = _task(sweep, index, spec.model_copy(update={"env": env}))
    return task, [Trial(parameters, task.metadata.name or "")]


def _shared(
    sweep: Sweep, index: int, group: Sequence[Mapping[str, str]]
) -> tuple[MLTask, list[Trial]]:
    spec = sweep.template.spec
    steps = [
        Step(
            name=f"trial-{number}",
            command=spec.command,
            args=spec.args,
            env=_variables(parameters),
        )
        for number, parameters in enumerate(group)
    ]
    # One trial that fails says nothing of those after it.
    policy = spec.step_failure_policy or "Continue"
    own = {"command": None, "args": None, "steps": steps, "step_failure_policy": policy}
    task = _task(sweep, index, spec.model_copy(update=own))
    name = task.metadata.name or ""
    return task, [Trial(p, name, step.name) for p, step in zip(group, steps, strict=True)]


def _variables(parameters: Mapping[str, str]) -> list[V1EnvVar]:
    return [V1EnvVar(name=name, value=value) for name, value in parameters.items()]


def _task(sweep: Sweep, index: int, spec: MLTaskSpec) -> MLTask:
    name = sweep.metadata.name
    metadata = sweep.template.metadata
    task = MLTask(
        metadata=V1ObjectMeta(
            name=f"{name}-{index}",
            labels={**metadata.labels, SWEEP_LABEL: name},
            annotations={**metadata.annotations},
        ),
        spec=spec,
    )
    text = json.dumps(to_json(task), sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    annotations = {**metadata.annotations, DIGEST_ANNOTATION: digest}
    return task.model_copy(
        update={"metadata": task.metadata.model_copy(update={"annotations": annotations})}
    )


def is_same(planned: MLTask, found: MLTask) -> bool:
    """Whether a task that is there was made for this very plan."""
    digests = [(t.metadata.annotations or {}).get(DIGEST_ANNOTATION) for t in (planned, found)]
    return digests[0] == digests[1]


def outcome(trial: Trial, status: MLTaskStatus | None, now: datetime) -> Outcome:
    """Return what has become of a trial; `status` is its task's, None where that is gone."""
    if status is None:
        return Outcome(trial, "Deleted")
    if trial.step is None:
        found: Any = status
    else:
        found = next((step for step in status.steps if step.name == trial.step), None)
        if found is None:
            # No step has been told of: the task waits, or has failed before any of them.
            phase = "Failed" if status.is_finished else status.phase
            return Outcome(trial, phase, status.reason or "")
    started, ended = found.start_time, found.completion_time
    return Outcome(
        trial,
        found.phase,
        found.reason or "",
        found.exit_code,
        ((ended or now) - started).total_seconds() if started else None,
        found.result or "",
    )
