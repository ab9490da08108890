"""The guides speak of what there is, and leave nothing of it out."""

import re
from pathlib import Path

import pytest
from kubernetes.client.models import V1JobSpec

from mltask_operator.api.reasons import Reason
from tests.docs.pages import DOCS, GUIDES, README, ROOT, blocks, manifests


def in_tables(page: Path) -> set[str]:
    """Return the words in code style that stand in the first column of the page's tables."""
    cells = re.findall(r"^\| ([^|]*) \|", page.read_text(), re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_reason_has_its_remedy() -> None:
    told = in_tables(DOCS / "troubleshooting.md")
    assert {reason.value for reason in Reason} - told == {Reason.COMPLETED}


def test_every_field_of_a_job_has_its_counterpart() -> None:
    fields = set(V1JobSpec.attribute_map.values())
    assert fields - in_tables(DOCS / "how-to" / "from-a-job.md") == set()


def test_the_quick_start_begins_as_the_readme_does() -> None:
    start = DOCS / "index.md"
    *_, first_task, install = blocks(README, "console")
    assert {first_task, install} < set(blocks(start, "console"))
    assert next(manifests(README)) == next(manifests(start))


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_commands_are_of_known_kinds(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for block in blocks(page, "console"):
        if block in blocks(README, "console"):
            continue  # tests/e2e runs it
        lines = block.replace("\\\n", " ").replace('eval "$(make -s', "make").splitlines()
        [program] = {line.split()[0] for line in lines}
        assert program in ("kubectl", "helm", "make")
        if program == "make":
            assert {line.split()[1].rstrip(')"') for line in lines} <= set(targets)
