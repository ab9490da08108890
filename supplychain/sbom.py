"""Complete the image's bill of materials (CycloneDX), as a step of its build.

cyclonedx-py reads the virtual environment: packages, licenses, what depends on what. Added here are
the hash of each package's file as pip verified it, and what the base image brings: its Python and
Debian's packages. Needs nothing but Python, and is to run on that of the base image:

    cyclonedx-py environment /opt/venv/bin/python3 | python3 sbom.py PIP_REPORT
"""

import json
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

DPKG_STATUS = Path("/var/lib/dpkg/status")
IMAGE = "image"
OPERATOR = "mltask-operator"

Json = dict[str, Any]


def complete(bom: Json, report: Json) -> Json:
    """Return the bill of materials of the image; `report` is pip's, of all but the operator."""
    hashes = {
        normal(installed["metadata"]["name"]): installed["download_info"]["archive_info"]["hashes"]
        for installed in report["install"]
    }
    for component in bom["components"]:
        if component["name"] != OPERATOR:  # built here, from no published file
            sha256 = hashes[normal(component["name"])]["sha256"]
            component["hashes"] = [{"alg": "SHA-256", "content": sha256}]
    bom["components"] += [*_python(), *_debian()]
    bom["metadata"]["component"] = {
        "bom-ref": IMAGE,
        "type": "container",
        "name": OPERATOR,
        "version": next(c["version"] for c in bom["components"] if c["name"] == OPERATOR),
    }
    every = sorted(component["bom-ref"] for component in bom["components"])
    bom["dependencies"].append({"ref": IMAGE, "dependsOn": every})
    return bom


def normal(name: str) -> str:
    """Return the name of a Python package as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _python() -> Iterator[Json]:
    version = platform.python_version()
    yield _component("platform", "python", version, f"pkg:generic/python@{version}")
    for package in metadata.distributions():
        name = package.metadata["Name"]
        purl = f"pkg:pypi/{normal(name)}@{package.version}"
        yield _component("library", name, package.version, purl)


def _debian() -> Iterator[Json]:
    if not DPKG_STATUS.exists():
        return  # another kind of base image
    for paragraph in DPKG_STATUS.read_text().split("\n\n"):
        fields = dict(re.findall(r"^(\S+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={fields['Architecture']}"
            yield _component("library", name, version, purl)


def _component(kind: str, name: str, version: str, purl: str) -> Json:
    return {"bom-ref": purl, "type": kind, "name": name, "version": version, "purl": purl}


if __name__ == "__main__":
    [of_pip] = (json.loads(Path(path).read_text()) for path in sys.argv[1:])
    json.dump(complete(json.load(sys.stdin), of_pip), sys.stdout, indent=1)
