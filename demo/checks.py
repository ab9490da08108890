"""What was promised, held against what was seen."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from demo import tasks
from demo.capacity import Resources
from demo.view import View


@dataclass(frozen=True)
class Check:
    """One promise, whether it was kept, and what was seen."""

    promise: str
    kept: bool
    seen: str

    def __str__(self) -> str:
        return f"{'ok    ' if self.kept else 'NOT ok'}  {self.promise}: {self.seen}"


def check(view: View, *, before: Resources, trains: bool, has_to_wait: bool) -> Iterator[Check]:
    """Hold a view after the last release against what the examples and the operator promise.

    `before` is what was allocated before the first task. `trains` says that the nodes are real
    ones, so that there are accuracies; `has_to_wait`, that the tasks do not fit on them at once.
    """
    trials = [name for name in view.names if tasks.is_trial(name)]
    succeeding = [name for name in view.names if name not in tasks.EXIT_CODES]

    succeeded = [name for name in succeeding if view.status(name).get("phase") == "Succeeded"]
    yield Check(
        "every task that can succeed has Succeeded",
        succeeded == succeeding,
        f"{len(succeeded)} of {len(succeeding)}",
    )
    if trains:
        accuracies = {name: value for name in trials if (value := accuracy(view, name)) is not None}
        best = max(accuracies, key=lambda name: accuracies[name], default=None)
        yield Check(
            "every trial has its accuracy in status.result",
            len(accuracies) == len(trials),
            f"{len(accuracies)} of {len(trials)}"
            + (f", the best is {accuracies[best]:.4f} by {best}" if best else ""),
        )
    for name, exit_code in tasks.EXIT_CODES.items():
        status = view.status(name)
        tail = (status.get("logTail") or "").strip()
        yield Check(
            f"{name} has Failed with exit code {exit_code} and the end of its log",
            (status.get("phase"), status.get("exitCode")) == ("Failed", exit_code)
            and "error:" in tail,
            f"{status.get('phase')}, exit code {status.get('exitCode')}, "
            f"{len(tail.splitlines())} lines of log",
        )
    made = {name: len(view.pods_made[name]) for name in view.names}
    yield Check(
        "one Pod was made per task, no more",
        all(count == 1 for count in made.values()),
        f"{sum(made.values())} Pods for {len(made)} tasks",
    )
    left = sum(1 for _ in view.pods_of_tasks())
    yield Check("no Pod is left", left == 0, f"{left} left")
    if has_to_wait:
        yield Check(
            "not all fitted at once, and releases let the others in",
            bool(view.have_waited),
            f"{len(view.have_waited)} tasks waited for room, at most {view.peak} were allocated",
        )
    yield Check(
        "what was allocated is free again",
        view.allocated() == before,
        f"{view.allocated()} allocated",
    )


def accuracy(view: View, name: str) -> float | None:
    """Return the accuracy that a task has reported as its result, if it has."""
    try:
        value = json.loads(view.status(name).get("result") or "")["accuracy"]
    except (ValueError, KeyError, TypeError):
        return None
    return float(value)
