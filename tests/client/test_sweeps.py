"""The file of a sweep, and the tasks that it makes."""

from typing import Any

import pytest
import yaml

from kubectl_mltask.sweepfile import InvalidSweep, Sweep, parse
from kubectl_mltask.trials import is_same, plan
from mltask import to_json
from tests.client.bodies import Json, a_task


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


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [", "is not YAML"),
        ("", "the document: "),
        ("grid:\n  LR: [1]\n  LR: [2]\n", r"'LR' is given twice\n.*line 3"),
        ("list:\n- {LR: 1, LR: 2}\n", "'LR' is given twice"),
    ],
)
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
