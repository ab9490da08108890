"""The committed files are those that the models make, and they are fit for their readers."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from codegen import __main__ as command
from codegen import crd, reference
from mltask_operator.api.base import StatusModel
from mltask_operator.api.reasons import Reason
from mltask_operator.api.status import AttemptRecord, Condition, MLTaskStatus, Phase
from mltask_operator.api.v1alpha1 import MLTaskSpec

ROOT = Path(__file__).parents[2]
DEFINITIONS = ("crds/mltasks.yaml", "charts/mltask-operator/files/crds/mltasks.yaml")
REFERENCE = "docs/reference.md"
README = "charts/mltask-operator/README.md"
GENERATED = (*DEFINITIONS, REFERENCE, README)

# What client-side `kubectl apply` can keep of an object in its annotation.
LONGEST_ANNOTATIONS = 256 * 1024


def aliases(model: type[StatusModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


# Up to date


@pytest.mark.parametrize("path", DEFINITIONS)
def test_definition_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == crd.render()


def test_reference_is_up_to_date() -> None:
    assert (ROOT / REFERENCE).read_text() == reference.render()


def test_check_writes_nothing_and_names_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    run = CliRunner().invoke

    written = run(command.main, [])
    assert written.output == f"written: {', '.join(GENERATED)}\n"
    assert run(command.main, ["--check"]).output == "up to date\n"

    (tmp_path / REFERENCE).write_text("by hand")
    checked = run(command.main, ["--check"])
    assert checked.exit_code == 1
    assert checked.output == f"out of date: {REFERENCE}. Run `make generate`.\n"
    assert (tmp_path / REFERENCE).read_text() == "by hand"


# The definition


def test_definition_is_plain_yaml() -> None:
    text = crd.render()
    assert yaml.safe_load(text) == crd.crd()
    # An anchor is valid YAML, and no reader of a definition expects one.
    assert "&id" not in text


def test_definition_can_be_applied_from_the_client_side() -> None:
    assert len(json.dumps(crd.crd())) < LONGEST_ANNOTATIONS


def test_every_printed_column_is_a_field_of_the_status() -> None:
    columns = crd.crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    paths = [column["jsonPath"] for column in columns]
    fields = {f".status.{name}" for name in aliases(MLTaskStatus)}
    assert set(paths) - fields == {".metadata.creationTimestamp"}


# The reference


def rows(heading: str) -> dict[str, str]:
    """Return the table under a heading of docs/reference.md: first column to last."""
    _, _, section = (ROOT / REFERENCE).read_text().partition(f"\n## {heading}\n")
    lines = section.partition("\n## ")[0].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return {first.strip("`"): last for first, *_, last in cells}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented(reason: Reason) -> None:
    assert rows("Reasons")[reason] == reason.meaning


def test_every_field_is_documented() -> None:
    status = rows("status")
    for name in aliases(MLTaskStatus):
        assert status[name], name
    for part, model in (("conditions", Condition), ("history", AttemptRecord)):
        for name in aliases(model):
            assert status[f"{part}[].{name}"], name
    for name, field in MLTaskSpec.model_fields.items():
        assert rows("spec")[field.alias or name], name


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_documented(phase: Phase) -> None:
    assert phase in rows("status")["phase"]


@pytest.mark.parametrize("reason", Reason)
def test_reasons_are_camel_case_and_told_in_sentences(reason: Reason) -> None:
    assert reason.value.isalnum()
    assert reason.value[0].isupper()
    assert reason.meaning.endswith(".")
