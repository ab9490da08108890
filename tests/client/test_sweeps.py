"""A sweep's file, the tasks that it makes, and its results."""

import json
from typing import Any

import pytest
import yaml

from kubectl_mltask import results
from kubectl_mltask.sweepfile import InvalidSweep, Metric, Sweep, parse
from kubectl_mltask.trials import Outcome, Trial, is_same, outcome, plan
from mltask import MLTaskStatus, to_json
from tests.client.bodies import NOW, Json, a_task, ago

MAXIMIZE = Metric(name="accuracy", goal="maximize")


def document(**changes: Any) -> Json:
    """Return a sweep's file; None takes a part of it away."""
    whole = {
        "apiVersion": "kubectl.mltask.dev/v1alpha1",
        "kind": "Sweep",
        "metadata": {"name": "lr"},
        "grid": {"LR": [0.1, 0.01], "DEEP": [True, False]},
        "template": {
            "metadata": {"labels": {"team": "vision"}},
            "spec": {
                "image": "trainer:1",
                "args": ["--lr=$(LR)"],
                "env": [{"name": "SEED", "value": "7"}],
                "resources": {"requests": {"cpu": 1}},
            },
        },
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def a_sweep(**changes: Any) -> Sweep:
    return parse(yaml.safe_dump(document(**changes), sort_keys=False), "sweep.yaml")


def spec(**changes: Any) -> Json:
    template: Json = document()["template"]
    return {"template": {**template, "spec": {**template["spec"], **changes}}}


# The file


def test_a_grid_is_every_combination() -> None:
    assert list(a_sweep().combinations()) == [
        {"LR": "0.1", "DEEP": "true"},
        {"LR": "0.1", "DEEP": "false"},
        {"LR": "0.01", "DEEP": "true"},
        {"LR": "0.01", "DEEP": "false"},
    ]


def test_a_list_is_what_it_says() -> None:
    sweep = a_sweep(grid=None, list=[{"LR": 1e-05}, {"LR": "cosine", "WARMUP": 5}])
    assert list(sweep.combinations()) == [{"LR": "1e-05"}, {"LR": "cosine", "WARMUP": "5"}]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"grid": None}, "either grid or list is needed, and not both"),
        ({"list": [{"LR": 1}]}, "either grid or list is needed, and not both"),
        ({"grid": {"LR": 0.1}}, "grid.LR: Input should be a valid list"),
        ({"grid": {"LR": []}}, "grid.LR: List should have at least 1 item"),
        ({"grid": {"learning-rate": [1]}}, "grid.learning-rate.[key]: String should match"),
        ({"grid": {"SEED": [1]}}, "SEED: both a parameter and in template.spec.env"),
        ({"grid": {"A": [*range(101)], "B": [*range(100)]}}, "more than 10000 trials"),
        ({"grid": None, "list": [{"LR": [1]}]}, "list[0].LR"),
        ({"metadata": {"name": "L R"}}, "metadata.name: String should match"),
        ({"metric": {"name": "loss"}}, "metric.goal: Field required"),
        ({"metric": {"name": "loss", "goal": "up"}}, "metric.goal: Input should be 'maximize' or"),
        ({"gird": {}}, "gird: Extra inputs are not permitted"),
        (spec(imagee="x"), "template.spec.imagee: Extra inputs are not permitted"),
        (spec(resources=None), "template.spec.resources: Input should be"),
        ({"kind": "MLTask"}, "kind: Input should be 'Sweep'"),
    ],
)
def test_a_fault_is_told_with_its_field(changes: Json, fault: str) -> None:
    with pytest.raises(InvalidSweep, match=r"^sweep\.yaml is no sweep:\n") as raised:
        a_sweep(**changes)
    assert fault in str(raised.value)


@pytest.mark.parametrize(("text", "fault"), [("a: [", "is not YAML"), ("", "the document: ")])
def test_a_file_that_is_something_else(text: str, fault: str) -> None:
    with pytest.raises(InvalidSweep, match=fault):
        parse(text, "sweep.yaml")


# The tasks


def test_each_trial_is_a_task_with_its_parameters_as_variables() -> None:
    planned = plan(a_sweep())
    assert [trial.name for _, trials in planned for trial in trials] == [
        "lr-0",
        "lr-1",
        "lr-2",
        "lr-3",
    ]
    manifest = to_json(planned[2][0])
    assert manifest["metadata"]["labels"] == {"team": "vision", "mltask.dev/sweep": "lr"}
    assert manifest["spec"] == {
        "image": "trainer:1",
        "args": ["--lr=$(LR)"],
        "env": [
            {"name": "SEED", "value": "7"},
            {"name": "LR", "value": "0.01"},
            {"name": "DEEP", "value": "true"},
        ],
        "resources": {"requests": {"cpu": "1"}},
    }


def test_trials_that_share_are_steps_and_one_that_fails_stops_no_other() -> None:
    (first, trials), (second, _) = plan(a_sweep(), share=3)
    assert [trial.name for trial in trials] == ["lr-0/trial-0", "lr-0/trial-1", "lr-0/trial-2"]
    manifest = to_json(first)["spec"]
    assert "args" not in manifest
    assert manifest["stepFailurePolicy"] == "Continue"
    assert manifest["env"] == [{"name": "SEED", "value": "7"}]
    assert manifest["steps"][1] == {
        "name": "trial-1",
        "args": ["--lr=$(LR)"],
        "env": [{"name": "LR", "value": "0.1"}, {"name": "DEEP", "value": "false"}],
    }
    assert len(to_json(second)["spec"]["steps"]) == 1


def test_what_cannot_be_shared_is_told() -> None:
    with pytest.raises(InvalidSweep, match="at most 100 trials"):
        plan(a_sweep(), share=101)
    with pytest.raises(InvalidSweep, match=r"template\.spec\.steps"):
        plan(a_sweep(**spec(args=None, steps=[{"name": "a"}])), share=2)


def test_a_task_of_the_same_plan_is_known_again_and_one_of_another_is_not() -> None:
    planned = plan(a_sweep())[0][0]
    assert is_same(planned, plan(a_sweep())[0][0])
    assert not is_same(planned, plan(a_sweep(**spec(image="trainer:2")))[0][0])
    assert not is_same(planned, a_task("lr-0"))


# The results


def outcome_of(index: int, result: str, phase: str = "Succeeded", **parameters: str) -> Outcome:
    return Outcome(Trial(parameters, f"lr-{index}"), phase, "", 0, 61.0, result)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ('{"accuracy": 0.5}', 0.5),
        ('{"accuracy": 1}', 1.0),
        ('{"accuracy": NaN}', None),
        ('{"accuracy": 1e999}', None),
        ('{"accuracy": true}', None),
        ('{"accuracy": "0.5"}', None),
        ("[0.5]", None),
        ("0.5", None),
        ("", None),
    ],
)
def test_the_metric_is_a_number_of_the_result(result: str, value: float | None) -> None:
    assert outcome_of(0, result).metric("accuracy") == value


@pytest.mark.parametrize(
    ("goal", "order"), [("maximize", [1, 0, 2, 3]), ("minimize", [0, 1, 2, 3])]
)
def test_the_best_comes_first_and_what_has_none_last(goal: Any, order: list[int]) -> None:
    outcomes = [
        outcome_of(0, '{"accuracy": 0.5}'),
        outcome_of(1, '{"accuracy": 0.9}'),
        outcome_of(2, "", "Failed"),
        outcome_of(3, "no JSON"),
    ]
    ranked = results.ranked(outcomes, Metric(name="accuracy", goal=goal))
    assert [outcomes.index(each) for each in ranked] == order


def test_the_table_has_the_parameters_and_the_metric() -> None:
    lines = results.table(
        [outcome_of(0, '{"accuracy": 0.5}', LR="0.1"), outcome_of(1, "?", DEEP="true")], MAXIMIZE
    )
    assert lines == [
        "TRIAL   LR    DEEP   ACCURACY   PHASE       REASON   DURATION",
        "lr-0    0.1          0.5        Succeeded            1m1s",
        "lr-1          true              Succeeded            1m1s",
    ]


def test_the_table_without_a_metric_has_the_result() -> None:
    [_, line] = results.table([outcome_of(0, "x" * 50 + "\n")], None)
    assert f"{'x' * 39}…" in line


def test_csv_has_a_column_for_each_value() -> None:
    outcomes = [
        outcome_of(0, '{"accuracy": 0.5, "epochs": 3}', LR="0.1"),
        outcome_of(1, "a, b\n", "Failed", LR="1"),
    ]
    assert results.as_csv(outcomes).splitlines() == [
        "trial,LR,accuracy,epochs,phase,reason,exitCode,seconds,result",
        "lr-0,0.1,0.5,3,Succeeded,,0,61.0,",
        'lr-1,1,,,Failed,,0,61.0,"a, b"',
    ]


def test_json_has_the_result_parsed_and_no_constants_that_json_lacks() -> None:
    [found] = results.as_objects([outcome_of(0, '{"loss": NaN, "n": 1}', LR="0.1")])
    assert found["result"] == {"loss": None, "n": 1}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (None, "Deleted"),
        ({"phase": "Pending", "reason": "QuotaExceeded"}, "Pending"),
        ({"phase": "Failed", "reason": "InvalidTemplate"}, "Failed"),
        ({"phase": "Running", "steps": [{"name": "trial-1", "phase": "Succeeded"}]}, "Succeeded"),
        ({"phase": "Failed", "steps": [{"name": "trial-1", "phase": "Skipped"}]}, "Skipped"),
    ],
)
def test_what_becomes_of_a_trial_that_shares(status: Json | None, phase: str) -> None:
    found = status and MLTaskStatus.model_validate(status)
    assert outcome(Trial({}, "lr-0", "trial-1"), found or None, NOW).phase == phase


def test_what_becomes_of_a_trial_alone() -> None:
    status = a_task(phase="Running", startTime=ago(90)).status
    found = outcome(Trial({}, "lr-0"), status, NOW)
    assert (found.phase, found.seconds, found.is_final) == ("Running", 90, False)
