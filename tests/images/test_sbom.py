"""The image's bill of materials names each package in the image, and nothing that is not there."""

import json
import re
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from supplychain import image
from supplychain.sbom import normal

pytestmark = pytest.mark.node

LOCK = image.ROOT / "requirements.lock"
METADATA = r".*/(?:dist|site)-packages/[^/]+\.dist-info/METADATA"
DPKG_STATUS = r"var/lib/dpkg/status"

Component = dict[str, Any]


@pytest.fixture(scope="module")
def tar() -> Path:
    """The operator's image."""
    return image.build()


@pytest.fixture(scope="module")
def bill(tar: Path) -> str:
    """Its bill of materials, as it lies in the image."""
    [text] = image.files(tar, re.escape(image.BILL)).values()
    return text.decode()


@pytest.fixture(scope="module")
def components(bill: str) -> list[Component]:
    found: list[Component] = json.loads(bill)["components"]
    return found


def versions(components: list[Component], kind: str) -> set[tuple[str, str]]:
    """Return name and version of each package of one kind: pypi or deb."""
    return {
        (normal(component["name"]) if kind == "pypi" else component["name"], component["version"])
        for component in components
        if component.get("purl", "pkg:pypi/").startswith(f"pkg:{kind}/")
    }


def headers(text: bytes) -> dict[str, str]:
    return dict(BytesHeaderParser().parsebytes(text).items())


def installed(tar: Path) -> Iterator[tuple[str, str]]:
    """Yield name and version of each Python package whose files are in the image."""
    for text in image.files(tar, METADATA).values():
        package = headers(text)
        yield normal(package["Name"]), package["Version"]


def test_it_is_valid(bill: str) -> None:
    assert json.loads(bill)["specVersion"] == "1.6"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None


def test_it_names_the_python_packages_of_the_image_and_no_others(
    tar: Path, components: list[Component]
) -> None:
    expected = set(installed(tar))
    assert {"mltask-operator", "kopf"} <= {name for name, _ in expected}
    assert versions(components, "pypi") == expected


def test_it_names_the_debian_packages_of_the_image_and_no_others(
    tar: Path, components: list[Component]
) -> None:
    [status] = image.files(tar, DPKG_STATUS).values()
    paragraphs = [headers(text) for text in status.split(b"\n\n") if text.strip()]
    expected = {(package["Package"], package["Version"]) for package in paragraphs}
    assert "libc6" in {name for name, _ in expected}
    assert versions(components, "deb") == expected


def test_each_python_package_has_a_license_and_the_hash_that_the_lock_file_allows(
    components: list[Component],
) -> None:
    locked: dict[str, set[str]] = {}
    for line in LOCK.read_text().splitlines():
        if "==" in line:
            hashes = locked.setdefault(normal(line.partition("==")[0]), set())
        elif sha256 := re.search(r"--hash=sha256:(\w+)", line):
            hashes.add(sha256[1])
    packages = {normal(c["name"]): c for c in components if "licenses" in c}
    assert packages.keys() == {name for name, _ in versions(components, "pypi")}
    del packages["mltask-operator"]  # of no published file
    for name, package in packages.items():
        [sha256] = package["hashes"]
        assert (sha256["alg"], sha256["content"] in locked[name]) == ("SHA-256", True), name
    assert "kopf" in packages
