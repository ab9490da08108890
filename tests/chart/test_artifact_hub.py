"""What Chart.yaml tells Artifact Hub agrees with the chart, the operator and the changelog.

The annotations' format: https://artifacthub.io/docs/topics/annotations/helm
"""

import re
from typing import Any

import yaml

from tests.chart.chart import CHART, ROOT, Render
from tests.chart.rendered import of_kind, operator_container, pod_specs

METADATA = yaml.safe_load((CHART / "Chart.yaml").read_text())
PREFIX = "artifacthub.io/"
KINDS = ("added", "changed", "deprecated", "removed", "fixed", "security")
CATEGORIES = (
    *("ai-machine-learning", "database", "integration-delivery", "monitoring-logging"),
    *("networking", "security", "storage", "streaming-messaging", "skip-prediction"),
)
LEVELS = ("basic install", "seamless upgrades", "full lifecycle", "deep insights", "auto pilot")
OF_CHART = "Chart: "


def annotation(name: str) -> Any:
    """Return the annotation, which is text that is YAML in itself."""
    text = METADATA["annotations"][f"{PREFIX}{name}"]
    assert isinstance(text, str), f"Helm takes only text: {name}"
    return yaml.safe_load(text)


def changelog() -> dict[str, list[str]]:
    """Return kind to entries, in a line each, of the chart's version or what comes next."""
    chapters = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    by_version = {chapter.split()[0].strip("[]"): chapter for chapter in chapters[1:]}
    chapter = by_version.get(METADATA["version"]) or by_version["Unreleased"]
    return {
        section.split()[0].lower(): [
            " ".join(entry.split()) for entry in re.split(r"^- ", section, flags=re.MULTILINE)[1:]
        ]
        for section in chapter.split("\n### ")[1:]
    }


def test_only_annotations_that_there_are() -> None:
    words = "category license operator operatorCapabilities prerelease images crds crdsExamples"
    assert {*METADATA["annotations"]} == {f"{PREFIX}{word}" for word in [*words.split(), "changes"]}
    assert annotation("category") in CATEGORIES
    assert annotation("operatorCapabilities") in LEVELS
    assert annotation("operator") is True
    assert annotation("license") == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_a_version_with_a_suffix_is_a_prerelease() -> None:
    assert annotation("prerelease") == ("-" in METADATA["version"])


def test_the_images_are_those_of_the_pods(render: Render) -> None:
    objects = render()
    [image] = annotation("images")
    assert image["image"] == operator_container(objects)["image"]
    used = [pod["spec"]["containers"][0].get("image") for pod in pod_specs(objects)]
    assert {*used, of_kind(objects, "MLTask")["spec"]["image"]} == {image["image"], None}
    assert image["whitelisted"], "no scanner is to look for it where anybody may have put another"


def test_the_definitions_are_those_of_the_chart(render: Render) -> None:
    rendered = of_kind(render(), "CustomResourceDefinition")
    [told] = annotation("crds")
    assert told["kind"] == rendered["spec"]["names"]["kind"]
    assert told["name"] == rendered["metadata"]["name"]
    assert [told["version"]] == [each["name"] for each in rendered["spec"]["versions"]]
    assert told["displayName"]
    assert told["description"]


def test_the_example_is_the_one_that_the_tests_run() -> None:
    assert annotation("crdsExamples") == [
        yaml.safe_load((ROOT / "examples" / "hello.yaml").read_text())
    ]


def test_the_changes_are_the_changelogs() -> None:
    told = [(change["kind"], change["description"]) for change in annotation("changes")]
    assert {kind for kind, _ in told} <= {*KINDS}
    assert told == [
        (kind, entry.removeprefix(OF_CHART))
        for kind, entries in changelog().items()
        for entry in entries
        if entry.startswith(OF_CHART)
    ]
    assert told
