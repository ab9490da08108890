"""The results of a sweep: ranked, as a table, as CSV and as JSON."""

import json
from typing import Any

import pytest

from kubectl_mltask import results
from kubectl_mltask.sweepfile import Metric
from kubectl_mltask.trials import Outcome, Trial, outcome
from mltask import MLTaskStatus
from tests.client.bodies import NOW, Json, a_task, ago

MAXIMIZE = Metric(name="accuracy", goal="maximize")


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
        "lr-0    0.1          0.5        Succeeded            61s",
        "lr-1          true              Succeeded            61s",
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


def test_csv_has_text_as_it_is_and_other_values_as_json() -> None:
    result = '{"note": "a, b", "best": true, "none": null, "shape": [1, {"a": "é"}]}'
    assert results.as_csv([outcome_of(0, result)]).splitlines() == [
        "trial,note,best,none,shape,phase,reason,exitCode,seconds,result",
        'lr-0,"a, b",true,,"[1, {""a"": ""é""}]",Succeeded,,0,61.0,',
    ]


def test_csv_has_no_column_twice() -> None:
    result = '{"LR": 0.5, "phase": "warm-up", "result.LR": 1, "trial": 2}'
    heading = results.as_csv([outcome_of(0, result, LR="0.1", seconds="3")]).splitlines()[0]
    assert heading == (
        "trial,LR,parameter.seconds,result.LR,result.phase,result.result.LR,result.trial,"
        "phase,reason,exitCode,seconds,result"
    )


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
