"""What is played again and again, and how it ends each time, whatever befalls the operator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.api.pipelines import QUICK, steps
from tests.api.team import Json, manifest
from tests.chaos.stage import Stage

ENDS: Json = {"run_seconds": 0}
FAILS: Json = {**ENDS, "exit_code": 3}
AT_ONCE: Json = {"baseSeconds": 1, "maxSeconds": 1}


@dataclass(frozen=True)
class Outcome:
    """How a task ends: it is gone where it has no phase. Each attempt is one Pod."""

    phase: str | None
    reason: str | None
    attempts: int
    failures: int = 0
    disruptions: int = 0
    steps: tuple[str, ...] = ()


def gone(attempts: int) -> Outcome:
    """Return the outcome of a task that is deleted."""
    return Outcome(None, None, attempts)


@dataclass(frozen=True)
class Scenario:
    """`play` creates the tasks and does what users and kubelets do; `ends` is by task."""

    name: str
    play: Callable[[Stage], None]
    ends: Mapping[str, Outcome]


def _create(*tasks: Json) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        for task in tasks:
            stage.create(task)

    return play


def _runs_for_a_while(stage: Stage) -> None:
    stage.create(manifest("train"))
    stage.end(stage.runs("train", 1))


def _fails_and_is_tried_again(stage: Stage) -> None:
    stage.create(manifest("train", backoffLimit=1, backoff=AT_ONCE))
    stage.end(stage.runs("train", 1), exit_code=3)
    stage.end(stage.runs("train", 2))


def _is_evicted(stage: Stage) -> None:
    stage.create(manifest("train"))
    stage.evict(stage.runs("train", 1))
    stage.end(stage.runs("train", 2))


def _is_suspended_and_resumed(stage: Stage) -> None:
    stage.create(manifest("train"))
    stage.runs("train", 1)
    stage.suspend("train")
    stage.until(lambda: _is_put_away(stage), "the task is suspended, and its Pod is gone")
    stage.suspend("train", value=False)
    stage.end(stage.runs("train", 2))


def _is_put_away(stage: Stage) -> bool:
    status = stage.status("train")
    ended = [attempt["reason"] for attempt in status.get("history", ())]
    return status["phase"] == "Suspended" and ended == ["Suspended"] and not stage.pods()


def _is_deleted(stage: Stage) -> None:
    stage.create(manifest("train"))
    stage.runs("train", 1)
    stage.delete("train")


def _waits_for_quota(stage: Stage) -> None:
    stage.team.kubectl("create", "quota", "one", "--hard=pods=1")
    stage.until(
        lambda: bool(stage.team.get("resourcequota", "one").get("status", {}).get("used")),
        "the quota is enforced",
    )
    stage.create(manifest("first"))
    holder = stage.runs("first", 1)
    stage.create(manifest("second", fate=ENDS))
    stage.until(
        lambda: stage.status("second").get("reason") == "QuotaExceeded", "the second one waits"
    )
    stage.end(holder)


SUCCEEDED = Outcome("Succeeded", "Completed", 1)

SCENARIOS = (
    Scenario("ends at once", _create(manifest("train", fate=ENDS)), {"train": SUCCEEDED}),
    Scenario("runs for a while", _runs_for_a_while, {"train": SUCCEEDED}),
    Scenario(
        "fails for good",
        _create(manifest("train", fate=FAILS, backoffLimit=1, backoff=AT_ONCE)),
        {"train": Outcome("Failed", "ContainerFailed", 2, failures=2)},
    ),
    Scenario(
        "fails and is tried again",
        _fails_and_is_tried_again,
        {"train": Outcome("Succeeded", "Completed", 2, failures=1)},
    ),
    Scenario(
        "is evicted", _is_evicted, {"train": Outcome("Succeeded", "Completed", 2, disruptions=1)}
    ),
    Scenario(
        "is suspended and resumed",
        _is_suspended_and_resumed,
        {"train": Outcome("Succeeded", "Completed", 2)},
    ),
    Scenario("is deleted while it runs", _is_deleted, {"train": gone(attempts=1)}),
    Scenario(
        "a step fails and the others go on",
        _create(
            manifest(
                "train",
                fate={**QUICK, "exit_code.b": 3},
                steps=steps("a", "b", "c"),
                stepFailurePolicy="Continue",
            )
        ),
        {
            "train": Outcome(
                "Failed",
                "StepFailed",
                attempts=2,
                failures=1,
                steps=("Succeeded", "Failed", "Succeeded"),
            )
        },
    ),
    Scenario("waits for quota", _waits_for_quota, {"first": SUCCEEDED, "second": SUCCEEDED}),
    Scenario(
        "its time to live passes",
        _create(manifest("train", fate=ENDS, ttlSecondsAfterFinished=1)),
        {"train": gone(attempts=1)},
    ),
)


def outcome(task: Json | None, pods: int) -> Outcome | None:
    """Return how this task has ended, or None if it has not; `pods` is how many it has had."""
    if task is None:
        return gone(pods)
    status = task.get("status", {})
    if "completionTime" not in status:
        return None
    return Outcome(
        status["phase"],
        status["reason"],
        status["attempts"],
        status.get("failures", 0),
        status.get("disruptions", 0),
        tuple(step["phase"] for step in status.get("steps", ())),
    )
